//! Stored records: one file each, with the declaration of its table, its mapping to a row ([`crate::store::Record`]), its
//! queries and its writes.

mod audit_event;
mod audit_filter;
mod audit_record;
mod checkpoint;
mod credential;
mod deleted_user;
mod device;
mod ended_session;
mod link;
mod lockout;
mod mail_job;
mod roster;
mod search_word;
mod session;
mod signing_key;
mod user;
mod user_filter;
mod void_undo_links;

use crate::store::{Record, Table};

pub use audit_event::{AuditEvent, Event, Outcome};
pub use audit_filter::AuditFilter;
pub use audit_record::{AuditRecord, SealedEvent, actor_id};
pub use checkpoint::Checkpoint;
pub use credential::Credential;
pub use deleted_user::DeletedUser;
pub use device::Device;
pub use ended_session::EndedSession;
pub use link::{Link, Purpose};
pub use lockout::Lockout;
pub use mail_job::{MailJob, MailKind};
pub use roster::{LastAdmin, Roster};
pub use search_word::SearchWord;
pub use session::Session;
pub(crate) use session::replacements;
pub use signing_key::SigningKey;
pub use user::{PendingEmail, RequestedBy, Role, Status, User, Version};
pub use user_filter::{UserCursor, UserFilter, UserPage};
pub use void_undo_links::VoidUndoLinks;

/// The tables of all records. A deleted user's rows are purged in this order: jobs before links, because a worker creates
/// a link while it holds its job.
pub const TABLES: &[&Table] = &[
    MailJob::TABLE,
    Link::TABLE,
    Session::TABLE,
    Credential::TABLE,
    Lockout::TABLE,
    Device::TABLE,
    EndedSession::TABLE,
    SearchWord::TABLE,
    User::TABLE,
    DeletedUser::TABLE,
    Roster::TABLE,
    SigningKey::TABLE,
    AuditRecord::TABLE,
    Checkpoint::TABLE,
];
