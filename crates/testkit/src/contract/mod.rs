//! The contract of all stores, as cases that a store's own tests run against a real server.
//!
//! ```text
//! async fn open() -> OpenedPort<dyn Store> { … }
//! doorward_testkit::store_contract!(crate::open);
//! doorward_testkit::session_contract!(crate::open_sessions);
//! doorward_testkit::rate_limits_contract!(crate::open_rate_limits);
//! ```
//!
//! creates one test per case, so that a failure names it. `open` returns an empty store for this test only. A case
//! creates the records it needs ([`crate::fixtures`]), runs races as separate tasks, and waits for no clock. To
//! add a case: an `async fn` in its operation's file, its name in a list below (a test compares the two).

#![expect(missing_docs, reason = "a case's name says what it tries")]

pub mod all_or_nothing;
pub mod lists;
pub mod queues;
pub mod rate_limits;
pub mod records;
pub mod secrets;
pub mod sessions;
pub mod uniqueness;
pub mod versions;

use std::sync::Arc;

use doorward_domain::model::{TABLES, User};
use doorward_domain::store::{ApplyError, Batch, Row, Store, Table, Value};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// The row with this key.
pub(crate) async fn get_row(store: &dyn Store, table: &'static Table, key: Value) -> Option<Row> {
    store.get_rows(table, vec![key]).await.unwrap().pop()
}

/// A port under test, and the values that must live as long: a folder, a server.
pub struct OpenedPort<T: ?Sized> {
    /// The port.
    pub port: Arc<T>,
    _keep: Box<dyn Send + Sync>,
}

impl<T: ?Sized> OpenedPort<T> {
    /// Stores both.
    pub fn new(port: Arc<T>, keep: impl Send + Sync + 'static) -> Self {
        Self {
            port,
            _keep: Box::new(keep),
        }
    }
}

/// One test for each case of the contract of `Store`, with the path of an `async fn` that opens one. With
/// `contract_in_one_test`, one test for all of them, which can share a server that takes long to start.
#[macro_export]
macro_rules! store_contract {
    ($open:path) => {
        $crate::store_contract! { $open, contract_cases }
    };
    ($open:path, $tests:ident) => {
        $crate::$tests! { $open;
            records {
                every_value_comes_back,
                every_row_of_a_run_of_inserts_comes_back,
                a_put_replaces_the_row,
                many_may_put_the_same_row,
                a_write_whose_condition_does_not_hold_is_stale,
                only_a_delete_accepts_a_missing_row,
                a_row_is_found_by_each_unique_column,
                rows_are_read_by_their_keys,
                the_rows_of_a_deleted_user_are_deleted,
                a_column_can_be_omitted,
                one_of_sixty_four_uses_the_link,
                a_new_recovery_link_replaces_the_old_one,
                the_sweep_deletes_expired_rows,
            }
            uniqueness {
                a_key_is_inserted_once,
                a_unique_value_belongs_to_one_row,
                a_run_of_inserts_names_the_taken_column_at_each_position,
                a_run_of_inserts_names_the_first_taken_column,
                a_run_of_inserts_ends_at_another_operation,
                several_rows_have_no_value_in_a_unique_column,
                one_of_sixteen_inserts_the_unique_value,
                one_of_fifty_confirms_the_address,
                a_deleted_row_frees_its_unique_value,
                keys_compare_byte_by_byte,
            }
            versions {
                a_replacement_sets_the_columns_that_it_has,
                an_update_of_another_version_is_stale,
                a_stale_update_is_stale_before_it_is_taken,
                one_of_fifty_updates_wins,
                crossing_batches_do_not_deadlock,
            }
            all_or_nothing {
                a_batch_is_applied_in_order_or_not_at_all,
                an_empty_batch_succeeds,
                a_batch_beyond_the_limits_is_refused,
                readers_see_a_whole_change_or_none,
                a_ping_succeeds,
                the_store_s_clock_does_not_go_back,
            }
            lists {
                an_index_orders_and_limits,
                rows_of_one_owner_are_ordered_by_key,
                many_users_are_paged_through_once,
                words_are_found_by_their_beginnings,
                filters_go_together,
                last_sign_ins_and_factors_are_listed_in_their_order,
                users_are_listed_in_the_order_of_their_sign_ups,
            }
            queues {
                a_lease_changes_the_due_time_and_counts,
                only_the_given_kinds_are_leased,
                the_longest_due_is_leased_first,
                a_lease_ends,
                one_of_two_concurrent_ends_of_a_lease_succeeds,
                a_job_is_retried_failed_and_done,
                mails_are_listed_by_their_status,
                no_job_is_held_by_two_workers,
            }
            secrets {
                each_event_voids_exactly_its_secrets,
            }
        }
    };
}

/// One test for each case of the contract of sessions, with the path of an `async fn` that opens a `SessionStore`.
#[macro_export]
macro_rules! session_contract {
    ($open:path) => {
        $crate::contract_cases! { $open;
            sessions {
                every_field_comes_back,
                the_smallest_and_largest_numbers_are_stored,
                long_names_of_devices_are_stored,
                empty_fields_stay_empty,
                a_session_expires_on_time,
                sessions_are_listed_newest_first,
                a_renewal_needs_the_generation_it_read,
                one_of_fifty_renewals_wins,
                a_renewal_and_a_new_epoch_do_not_overwrite_each_other,
                an_update_revives_no_session,
                a_proof_is_recorded_with_a_new_generation,
                the_last_use_is_recorded,
                a_session_is_ended_by_its_user_alone,
                a_batch_is_written_when_a_session_begins_and_ends,
                a_ping_succeeds,
            }
        }
    };
}

/// One test for each case of the contract of `RateLimits`.
#[macro_export]
macro_rules! rate_limits_contract {
    ($open:path) => {
        $crate::contract_cases! { $open;
            rate_limits {
                a_budget_is_used_up_and_refills_gradually,
                two_hundred_parallel_attempts_get_exactly_the_burst,
                a_denial_uses_up_nothing,
                what_is_released_does_not_count,
                a_release_keeps_the_delay_of_a_later_attempt,
                two_hundred_parallel_releases_leave_nothing,
                limits_and_keys_are_independent,
                failures_delay_the_next_attempt,
                failures_are_forgotten_after_a_while,
                the_hundredth_failure_locks_out,
                two_hundred_parallel_failures_count,
                any_text_is_a_key,
            }
        }
    };
}

/// The tests behind the macros above.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_cases {
    ($open:path; $($noun:ident { $($case:ident),+ $(,)? })+) => {
        $(mod $noun {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let opened = $open().await;
                    $crate::contract::$noun::$case(opened.port.clone()).await;
                }
            )+
        })+
    };
}

/// One test for all cases. A failure names the case by its line.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_in_one_test {
    ($open:path; $($noun:ident { $($case:ident),+ $(,)? })+) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn every_case() {
            $($({
                let opened = $open().await;
                $crate::contract::$noun::$case(opened.port.clone()).await;
            })+)+
        }
    };
}

/// Runs `count` tasks that start at the same time, and returns their results.
pub async fn race<T, F>(count: usize, task: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(count));
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let (start, task) = (start.clone(), task(number));
        tasks.spawn(async move {
            start.wait().await;
            task.await
        });
    }
    tasks.join_all().await
}

/// Number of users that a batch can insert: each has two unique values.
fn users_at_once(store: &dyn Store) -> usize {
    store.limits().writes / 3
}

/// Applies the batch, which must succeed.
async fn apply_ok(store: &dyn Store, batch: Batch) {
    if let Err(error) = store.apply(batch).await {
        panic!("{error}: {:?}", std::error::Error::source(&error));
    }
}

async fn insert(store: &dyn Store, user: &User) {
    apply_ok(store, user.insert()).await;
}

/// Deletes the user and all that belongs to it.
async fn delete(store: &dyn Store, user: &User) {
    apply_ok(store, user.delete(crate::fixtures::now())).await;
    store.purge(TABLES, user.id.into()).await.unwrap();
}

/// Fails the test unless the changes were rejected with this error.
macro_rules! assert_refused {
    ($result:expr, $pattern:pat $(if $guard:expr)?) => {
        match $result {
            Err($pattern) $(if $guard)? => {}
            other => panic!("expected {}, got {other:?}", stringify!($pattern)),
        }
    };
}
use assert_refused;

/// Number of successes and of rejections with this error. Any other result fails the test.
fn count(results: Vec<Result<(), ApplyError>>, refused: fn(&ApplyError) -> bool) -> (usize, usize) {
    let (mut through, mut no) = (0, 0);
    for result in results {
        match result {
            Ok(()) => through += 1,
            Err(error) if refused(&error) => no += 1,
            Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
        }
    }
    (through, no)
}
