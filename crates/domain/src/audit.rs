//! How the audit log is kept from being cut or edited without a trace (`docs/decisions/0019-audit-seals.md`).
//!
//! Events are written by the stories and know of no seal. The worker seals them soon after
//! ([`sealer`]): so many at a time, each with a digest, and all of them chained to the
//! seal before by a digest that a key signs which the database does not hold. [`digest`] says what is
//! digested, byte by byte; [`signer`] signs; [`walk`] reads, and [`checker`] finds what does not fit, in the database or
//! in a file that was exported, and needs the public half of the key alone; [`log`] is what a store owes.
//!
//! Addresses and user agents are in an event's digest as a salted digest of their own. Where somebody's
//! account is deleted, they and the salt go, and the chain still holds.

pub mod checker;
pub mod digest;
pub mod log;
pub mod sealer;
pub mod signer;
pub mod walk;

pub use checker::{Checker, Finding};
pub use log::AuditLog;
pub use signer::{AuditPublicKey, AuditSigner, ExportHead};

use crate::model::{AuditRecord, Event, MailJob, Seal};
use crate::values::UserId;

/// A seal by its position and its digest: what is written down elsewhere, so that a cut at the end of
/// the log shows, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which seal.
    pub position: i64,
    /// The 64 hexadecimal digits of its digest.
    pub digest: String,
}

impl Checkpoint {
    /// The checkpoint a seal makes.
    pub fn of(seal: &Seal) -> Self {
        Self {
            position: seal.position,
            digest: digest::hex(&seal.digest),
        }
    }

    /// Reads `POSITION:DIGEST`.
    pub fn parse(text: &str) -> Option<Self> {
        let (position, digest) = text.split_once(':')?;
        let is_digest = digest.len() == 64
            && digest
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let position = position.parse().ok().filter(|position| *position > 0)?;
        is_digest.then(|| Self {
            position,
            digest: digest.to_owned(),
        })
    }
}

impl std::fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.position, self.digest)
    }
}

/// The lines that tell that somebody's account is gone, where they tell of a success.
pub const DELETIONS: [Event; 4] = [
    Event::UserDeleted,
    Event::SignUpExpired,
    Event::ConfirmationCancelled,
    Event::SignUpSuperseded,
];

/// Whose personal data an event holds: whoever did it, or, where nobody is known to have, whom it was
/// done to. An admin's address in a line about somebody else is the admin's.
///
/// Who asks for a recovery by address is nobody known, and the line says of no account that it was for
/// it. The mail joins it to the line that does: its id stands for the owner, whose deletion reaches both
/// (L-05).
pub fn owner_of(record: &AuditRecord) -> Option<UserId> {
    let of_mail = || mail_in(record).filter(|_| record.event == Event::RecoveryRequested.as_str());
    record.actor_id.or(record.user_id).or_else(of_mail)
}

/// The mail that a line names, as an owner of lines.
pub fn mail_in(record: &AuditRecord) -> Option<UserId> {
    MailJob::in_audit_detail(record.detail.as_deref()?).map(|id| UserId::from_bytes(*id.as_bytes()))
}
