//! A record is read from its row as it was written.

use std::fmt::Debug;

use doorward_domain::model::{
    AuditEvent, AuditKind, Invitation, InvitationDelivery, JobStatus, MailJob, MailKind, Node,
    Outcome, PendingEmail, Purpose, RequestedBy, Session, Status, Total, TotalKind, User,
};
use doorward_domain::store::{Record, Value};
use doorward_domain::values::{Data, Locale, Role, TimeUnit};
use doorward_testkit::fixtures::{self, user_id};

fn comes_back<R: Record + PartialEq + Debug>(record: &R) {
    assert_eq!(record.to_row().read::<R>().unwrap(), *record);
}

#[test]
fn a_user_comes_back() {
    comes_back(&fixtures::pending_user());
    for status in [Status::Pending, Status::Active, Status::Disabled] {
        for role in [Role::User, Role::Admin] {
            for requested_by in [RequestedBy::User, RequestedBy::Admin] {
                let pending_email = PendingEmail {
                    requested_by,
                    ..fixtures::pending_email(fixtures::email())
                };
                comes_back(&User {
                    status,
                    role,
                    pending_email: Some(pending_email),
                    ..fixtures::user()
                });
            }
        }
    }
}

#[test]
fn an_invitation_comes_back() {
    for delivery in InvitationDelivery::ALL {
        let open = Invitation {
            delivery: *delivery,
            ..fixtures::invitation()
        };
        let by_operator = Invitation {
            invited_by: None,
            ..open
        };
        for invitation in [open, open.accepted(), by_operator] {
            comes_back(&User {
                invitation: Some(invitation),
                ..fixtures::user()
            });
        }
    }
}

/// a user that was found by a name has no `data`.
#[test]
fn data_that_was_not_read_is_not_written() {
    let found = fixtures::without_data(&fixtures::user());
    comes_back(&found);
    let empty = User {
        data: Data::default(),
        ..found.clone()
    };
    assert_ne!(empty.to_row(), found.to_row());
}

#[test]
fn a_credential_comes_back() {
    let credential = fixtures::credential(user_id());
    let read: doorward_domain::model::Credential = credential.to_row().read().unwrap();
    assert_eq!(read.to_row(), credential.to_row());
}

#[test]
fn a_session_comes_back() {
    for address in ["192.0.2.1", "2001:db8::ff", "::ffff:192.0.2.1"] {
        comes_back(&Session {
            address: Some(address.parse().unwrap()),
            ..fixtures::session(user_id())
        });
    }
    comes_back(&Session {
        address: None,
        user_agent: None,
        ..fixtures::session(user_id())
    });
}

#[test]
fn a_link_comes_back() {
    for purpose in Purpose::ALL.iter().copied() {
        comes_back(&fixtures::link(user_id(), purpose));
    }
}

#[test]
fn a_mail_comes_back() {
    for kind in MailKind::queued() {
        let job = MailJob {
            kind,
            ..fixtures::mail_job(user_id())
        };
        comes_back(&job);
        comes_back(&MailJob {
            user_id: None,
            device: None,
            locale: Locale::En,
            last_error: None,
            ..job.clone()
        });
        for status in JobStatus::ALL {
            comes_back(&MailJob {
                status: *status,
                failed_attempts: 3,
                ..job.clone()
            });
        }
    }
}

/// A node of an older release has written it.
#[test]
fn a_job_without_a_status_waits() {
    let mut row = fixtures::mail_job(user_id()).to_row();
    for column in ["status", "failed_attempts"] {
        let position = row.table.position(column);
        row.values[position] = Value::Null;
    }
    let job: MailJob = row.read().unwrap();
    assert_eq!((job.status, job.failed_attempts), (JobStatus::Waiting, 0));
}

#[test]
fn a_signing_key_comes_back() {
    comes_back(&fixtures::signing_key());
}

#[test]
fn an_audit_event_comes_back() {
    for event in AuditKind::ALL {
        let full = AuditEvent {
            event: *event,
            ..fixtures::audit_event(user_id())
        };
        comes_back(&full);
        comes_back(&AuditEvent {
            outcome: Outcome::Success,
            user_id: None,
            address: None,
            user_agent: None,
            detail: None,
            ..full
        });
    }
}

#[test]
fn a_total_comes_back() {
    for unit in TimeUnit::ALL {
        for kind in TotalKind::ALL {
            comes_back(&Total {
                unit: *unit,
                starts_at: fixtures::now(),
                kind: *kind,
                node: "nöde/1".to_owned(),
                amount: i64::MAX,
            });
        }
    }
}

#[test]
fn a_node_comes_back() {
    comes_back(&Node {
        name: "nöde/1".to_owned(),
        version: "0.1.0-rc.1+7".to_owned(),
        started_at: fixtures::now(),
        seen_at: fixtures::later(60_000_000),
    });
}
