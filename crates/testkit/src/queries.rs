//! The queries of the product, for a store's test that none reads a whole table.
//!
//! Each is made by the function that the services call. A query through a declared index is tested by the declaration;
//! `tests/it/queries.rs` fails if one with other conditions, or through an index of several columns, is not listed here.

use doorward_domain::model::{
    AuditFilter, AuditKind, AuditRecord, Checkpoint, Credential, Device, Invitation,
    InvitationStatus, Job, JobStatus, Link, MailFilter, MailJob, Node, Outcome, SearchWord,
    Session, SigningKey, Status, Total, User, UserCursor, UserFilter,
};
use doorward_domain::store::{Claim, Order, Query, Record};
use doorward_domain::values::{Role, TimeUnit};

use crate::fixtures::{self, later, now};

/// Number of rows that a list returns.
const LIMIT: usize = 1;

/// The queries whose rows are counted.
#[must_use]
pub fn counted() -> Vec<Query> {
    vec![AuditRecord::unsealed(), Job::failed(), Job::waiting()]
}

/// All queries, with values that no row needs to have.
#[must_use]
pub fn listed() -> Vec<Query> {
    let mut queries = vec![
        Checkpoint::by_position(),
        Checkpoint::by_position().descending(),
        Checkpoint::after(3),
        Checkpoint::before(3),
        Checkpoint::prunable("key", now()),
        AuditRecord::unsealed(),
        AuditRecord::unsealed().at_most(crate::audit_fixtures::event(1, fixtures::user_id()).id),
        AuditRecord::sealed(3, 5),
        AuditRecord::sealed(i64::MIN, 5),
        Credential::of_user(fixtures::user_id()),
        Device::of_user(fixtures::user_id()),
        Invitation::expired_before(now()),
        Link::of_user(fixtures::user_id()),
        Job::due_between(now(), later(1)),
        Job::failed(),
        Job::without_user("ben@example.com"),
        Job::with_lookup("ben@example.com"),
        Job::of_user(fixtures::user_id()),
        Job::oldest_waiting(),
        Job::waiting(),
        Node::listed(now()),
        SearchWord::beginning_with("be", None, Order::Ascending),
        SearchWord::beginning_with("be", Some("ben 1"), Order::Ascending),
        SearchWord::beginning_with("be", None, Order::Descending),
        SearchWord::beginning_with("be", Some("ben 1"), Order::Descending),
        Session::of_user(fixtures::user_id(), now()),
        SigningKey::newest_first(),
        Total::between(TimeUnit::Hour, now(), later(1)),
        User::deletion_due(now()),
        User::deletion_reminder_due(now()),
        User::pending_deletions(),
        User::pending_before(now()),
        User::with_pending_email("ben@example.com"),
    ];
    queries.extend(AuditRecord::personal(fixtures::user_id()));
    queries.extend(audit_lists());
    queries.extend(user_lists());
    queries.extend(invitation_lists());
    queries.extend(mail_lists());
    queries.push(claim().due());
    queries
        .into_iter()
        .map(|query| query.limit(LIMIT))
        .collect()
}

fn claim() -> Claim {
    Claim {
        table: MailJob::TABLE,
        kinds: MailJob::kinds(),
        now: now(),
        lease_until: later(1),
        limit: LIMIT,
    }
}

/// A list of users with each filter.
fn user_lists() -> Vec<Query> {
    let mut lists = Vec::new();
    let after = Some(UserCursor::User(fixtures::user_id()));
    for role in [None, Some(Role::User), Some(Role::Admin)] {
        for status in [
            None,
            Some(Status::Pending),
            Some(Status::Active),
            Some(Status::Disabled),
        ] {
            for after in [None, after.clone()] {
                for order in [Order::Ascending, Order::Descending] {
                    let filter = UserFilter {
                        role,
                        status,
                        order,
                        after: after.clone(),
                        ..UserFilter::default()
                    };
                    lists.push(filter.query());
                }
            }
        }
    }
    for order in [Order::Ascending, Order::Descending] {
        for after in [None, after.clone()] {
            let filter = UserFilter {
                second_factor: Some(true),
                order,
                after,
                ..UserFilter::default()
            };
            lists.extend(filter.queries());
        }
    }
    lists.extend(lists_by_time());
    lists
}

/// A list of users by the time of the sign-up or of the last sign-in, from its beginning and from a place.
fn lists_by_time() -> Vec<Query> {
    let mut lists = Vec::new();
    for (since, until) in [
        (Some(now()), None),
        (None, Some(later(1))),
        (Some(now()), Some(later(1))),
    ] {
        for after in [None, Some(UserCursor::At(now(), fixtures::user_id()))] {
            for order in [Order::Ascending, Order::Descending] {
                let by_sign_up = UserFilter {
                    created_since: since,
                    created_until: until,
                    order,
                    after: after.clone(),
                    ..UserFilter::default()
                };
                let by_sign_in = UserFilter {
                    signed_in_since: since,
                    not_signed_in_since: until,
                    order,
                    after: after.clone(),
                    ..UserFilter::default()
                };
                lists.extend(
                    [by_sign_up, by_sign_in]
                        .iter()
                        .flat_map(UserFilter::queries),
                );
            }
        }
    }
    lists
}

/// A list of invitations with each status.
fn invitation_lists() -> Vec<Query> {
    let before = [None, Some(fixtures::user_id())];
    let lists = InvitationStatus::ALL
        .iter()
        .flat_map(|status| before.map(|before| Invitation::of_users(*status, now(), before)));
    lists.collect()
}

/// A list of queued mails with each filter.
fn mail_lists() -> Vec<Query> {
    let mut lists = Vec::new();
    let statuses = JobStatus::ALL.iter().copied().map(Some);
    for status in statuses.chain([None]) {
        for before in [None, Some(fixtures::mail_job(fixtures::user_id()).id)] {
            let filter = MailFilter {
                status,
                before,
                limit: LIMIT,
            };
            lists.push(filter.query());
        }
    }
    lists
}

/// A list of events with each filter.
fn audit_lists() -> Vec<Query> {
    let event = fixtures::audit_event(fixtures::user_id());
    let mut lists = Vec::new();
    for user_id in [None, event.user_id] {
        for kind in [None, Some(AuditKind::SignIn)] {
            for before in [None, Some(event.id)] {
                for times in [None, Some(now())] {
                    let filter = AuditFilter {
                        user_id,
                        event: kind,
                        since: times,
                        until: times.map(|_| later(60_000_000)),
                        before,
                        limit: LIMIT,
                        ..AuditFilter::default()
                    };
                    let of_actor = AuditFilter {
                        actor_id: Some(fixtures::user_id()),
                        outcome: Some(Outcome::Failure),
                        ..filter.clone()
                    };
                    let failed = AuditFilter {
                        outcome: Some(Outcome::Failure),
                        ..filter.clone()
                    };
                    lists.extend([filter.query(), of_actor.query(), failed.query()]);
                }
            }
        }
    }
    lists.push(AuditFilter::sign_ins(fixtures::user_id(), LIMIT));
    lists.push(AuditFilter::lockout(fixtures::user_id(), "lockout", None));
    for since in [None, Some(now())] {
        lists.push(AuditFilter::failed_sign_ins(
            fixtures::user_id(),
            since,
            LIMIT,
        ));
    }
    for before in [None, Some(event.id)] {
        lists.extend(AuditFilter::of_user(fixtures::user_id(), before, LIMIT));
        lists.push(AuditFilter::activity(fixtures::user_id(), before, LIMIT));
    }
    lists
}
