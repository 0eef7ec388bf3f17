//! Stored records: plain structs, one file each, without behaviour beyond queries about themselves.
//!
//! Each declares its table and its mapping to a row ([`crate::store::Record`]). Users, sessions and audit events do
//! not yet: each store maps them itself.

mod audit_event;
mod audit_record;
mod credential;
mod ended_session;
mod link;
mod mail_job;
mod session;
mod signing_key;
mod user;

use crate::store::{Record, Table};

pub use audit_event::{AuditEvent, AuditFilter, Event, Outcome};
pub use audit_record::{AuditRecord, Checkpoint, SealedEvent};
pub use credential::Credential;
pub use ended_session::EndedSession;
pub use link::{Link, Purpose};
pub use mail_job::{MailJob, MailKind};
pub use session::Session;
pub(crate) use session::replacements;
pub use signing_key::SigningKey;
pub use user::{PendingEmail, RequestedBy, Role, Status, User, UserFilter, Version, VoidUndoLinks};

/// All tables of records. A deleted user's rows are deleted in this order: jobs before links, because a worker creates a
/// link while it holds its job.
pub const TABLES: &[&Table] = &[
    MailJob::TABLE,
    Link::TABLE,
    Credential::TABLE,
    EndedSession::TABLE,
    SigningKey::TABLE,
];
