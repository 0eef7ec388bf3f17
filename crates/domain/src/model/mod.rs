//! Stored records: plain structs, one file each, without behaviour beyond queries about themselves.
//!
//! A model does not depend on how a store lays it out. A store converts it to rows and back, field by field, so
//! that a new field does not compile until every store handles it.

mod audit_event;
mod audit_record;
mod credential;
mod link;
mod mail_job;
mod session;
mod signing_key;
mod user;

pub use audit_event::{AuditEvent, AuditFilter, Event, Outcome};
pub use audit_record::{AuditRecord, Checkpoint, SealedEvent};
pub use credential::Credential;
pub use link::{Link, Purpose};
pub use mail_job::{MailJob, MailKind};
pub use session::Session;
pub(crate) use session::replacements;
pub use signing_key::SigningKey;
pub use user::{PendingEmail, RequestedBy, Role, Status, User, UserFilter, Version};
