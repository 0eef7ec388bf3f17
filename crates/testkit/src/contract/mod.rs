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
//! add a case: an `async fn` in its noun's file, its name in a list below (a test compares the two).

#![expect(missing_docs, reason = "a case's name says what it tries")]

pub mod all_or_nothing;
pub mod audit_chain;
pub mod audit_events;
pub mod queues;
pub mod rate_limits;
pub mod records;
pub mod sessions;
pub mod uniqueness;
pub mod user_lists;
pub mod users;
pub mod versions;

use std::sync::Arc;

use doorward_domain::model::{TABLES, User};
use doorward_domain::store::{ApplyError, Batch, Store};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

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

/// One test for each case of the contract of `Store`, with the path of an `async fn` that opens one.
#[macro_export]
macro_rules! store_contract {
    ($open:path) => {
        $crate::contract_cases! { $open;
            users {
                every_field_comes_back,
                empty_fields_come_back_empty,
                the_longest_values_come_back,
                an_update_replaces_every_field,
                who_requested_an_address_is_returned,
                a_write_of_whom_a_name_has_found_keeps_the_data,
                a_user_is_found_by_each_name,
                keys_compare_byte_by_byte,
                deletion_takes_all_that_belongs_to_the_user,
                an_id_that_is_there_is_nobody_elses_to_have,
            }
            uniqueness {
                a_username_is_unique,
                a_confirmed_address_is_unique,
                an_address_to_be_confirmed_is_not_unique,
                what_is_not_there_is_not_unique,
                one_of_fifty_gets_the_username,
                one_of_fifty_confirms_the_address,
                a_deleted_name_is_free_again,
            }
            versions {
                an_update_of_another_version_is_stale,
                a_stale_update_is_stale_before_it_is_taken,
                one_of_fifty_updates_wins,
                two_that_cross_end_well,
            }
            user_lists {
                users_come_in_pages,
                pages_hold_while_users_come_and_go,
                ten_thousand_users_are_paged_through_once,
                words_are_found_by_their_beginnings,
                filters_go_together,
                users_with_a_pending_address_come_newest_first,
                pending_addresses_expire_at_the_edge,
            }
            records {
                every_value_comes_back,
                a_put_replaces_the_row,
                a_key_is_inserted_once,
                a_unique_value_belongs_to_one_row,
                one_of_sixteen_inserts_the_unique_value,
                many_may_put_the_same_row,
                a_write_whose_condition_does_not_hold_is_stale,
                only_a_delete_accepts_a_missing_row,
                a_deleted_row_is_gone_and_its_unique_value_free,
                a_batch_is_applied_in_order_or_not_at_all,
                rows_are_read_by_their_keys,
                an_index_orders_and_limits,
                rows_of_one_owner_are_ordered_by_key,
                a_deleted_users_rows_are_gone,
                a_column_can_be_left_out,
                one_of_sixty_four_uses_the_link,
                a_new_recovery_link_replaces_the_old_one,
                the_sweep_deletes_expired_rows,
                a_batch_beyond_the_limits_is_refused,
            }
            queues {
                a_lease_changes_the_due_time_and_counts,
                only_the_given_kinds_are_leased,
                the_longest_due_is_leased_first,
                a_lease_ends,
                of_two_who_end_a_lease_one_succeeds,
                a_job_is_retried_failed_and_done,
                no_job_is_held_by_two_workers,
                a_mail_without_a_user_is_found_by_its_address,
            }
            audit_chain {
                sealed_events_verify,
                a_log_longer_than_one_checkpoint_verifies,
                a_late_event_gets_a_later_position,
                of_many_nodes_that_seal_one_succeeds,
                sealing_is_all_or_nothing,
                pruning_deletes_a_prefix,
                a_deleted_accounts_personal_data_is_erased,
                an_existing_accounts_personal_data_stays,
                a_deleted_accounts_recovery_requests_are_erased,
                sealing_continues_with_another_key,
            }
            audit_events {
                every_field_comes_back,
                events_come_in_pages_newest_first,
                filters_go_together,
                what_is_about_somebody_or_by_them_comes_in_pages,
            }
            all_or_nothing {
                a_failing_last_change_leaves_nothing,
                changes_are_made_in_their_order,
                no_changes_are_no_error,
                readers_see_a_whole_change_or_none,
                the_store_answers,
                the_store_s_clock_does_not_go_back,
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
                numbers_at_their_ends_come_back,
                long_names_of_devices_come_back,
                empty_fields_come_back_empty,
                a_session_dies_at_its_moment,
                sessions_are_listed_newest_first,
                a_renewal_needs_the_generation_it_read,
                one_of_fifty_renewals_wins,
                an_update_sets_the_epoch,
                sightings_are_noted,
                a_session_is_ended_by_its_user_alone,
                a_batch_is_written_when_a_session_begins_and_ends,
                the_port_answers,
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
                a_denial_takes_nothing,
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

/// Applies the batch, which must succeed.
async fn must(store: &dyn Store, batch: Batch) {
    if let Err(error) = store.apply(batch).await {
        panic!("{error}: {:?}", std::error::Error::source(&error));
    }
}

async fn insert(store: &dyn Store, user: &User) {
    must(store, user.insert()).await;
}

/// Deletes the user and all that belongs to it.
async fn delete(store: &dyn Store, user: &User) {
    must(store, user.delete(crate::fixtures::now())).await;
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
