//! Stored records: one file each, with the declaration of its table, its mapping to a row ([`crate::store::Record`]), its
//! queries and its writes.

mod audit_event;
mod audit_filter;
mod audit_record;
mod audit_verification;
mod checkpoint;
mod credential;
mod deleted_user;
mod device;
mod ended_session;
mod factor_set;
mod invitation;
mod job;
mod last_sign_in;
mod link;
mod lockout;
mod mail_filter;
mod mail_job;
mod mail_kind;
mod node;
mod roster;
mod search_word;
mod session;
mod signing_key;
mod total;
mod user;
mod user_filter;
mod void_undo_links;

use crate::store::{Record, Table};

pub use audit_event::{AuditEvent, AuditKind, Outcome};
pub use audit_filter::{AuditFilter, AuditPage};
pub use invitation::{Invitation, InvitationDelivery, InvitationStatus};
pub use mail_filter::MailFilter;
pub(crate) use mail_job::LEASE_DURATION;
pub use mail_job::MailJob;
pub use mail_kind::MailKind;
pub(crate) use user_filter::UserIndex;
pub use user_filter::{UserCursor, UserFilter, UserPage};
pub use void_undo_links::VoidUndoLinks;

/// Exports the types of each record, the record itself first, and lists its table.
macro_rules! records {
    ($($module:ident { $record:ident $($other:tt)* })+) => {
        $(pub use $module::{$record $($other)*};)+

        /// The tables of all records. A deleted user's rows are purged in this order: jobs before links, because a
        /// worker creates a link while it holds its job.
        pub const TABLES: &[&Table] = &[$($record::TABLE),+];
    };
}

records! {
    job { Job, FailedAttempt, JobStatus }
    link { Link, Purpose }
    session { Session, AuthMethod }
    credential { Credential, CredentialKind }
    lockout { Lockout }
    device { Device }
    last_sign_in { LastSignIn }
    ended_session { EndedSession }
    search_word { SearchWord }
    user { User, PendingDeletion, PendingEmail, RequestedBy, Status, Version }
    deleted_user { DeletedUser }
    roster { Roster, LastAdmin }
    signing_key { SigningKey }
    total { Total, TotalKind }
    node { Node }
    audit_record { AuditRecord, SealedEvent, actor_id }
    checkpoint { Checkpoint }
    audit_verification { AuditVerification }
}

pub(crate) use factor_set::{FactorProof, FactorSet, FirstAdded};
pub(crate) use mail_kind::{MailLimit, MailLink, NewEmail, Recipient};
pub(crate) use session::replacements;
