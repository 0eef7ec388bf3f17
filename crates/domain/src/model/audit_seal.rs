//! Seals: what makes a cut or an edit of the audit log show. How they are made and checked stands in
//! [`crate::audit`].

use jiff::Timestamp;

use crate::values::{AuditEventId, Digest, UserId};

/// An event as it is kept, word by word: what a newer release wrote is read here too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its name.
    pub id: AuditEventId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: String,
    /// How it ended.
    pub outcome: String,
    /// Who did it.
    pub actor: String,
    /// The user who did it; made of `actor`, to be looked up by.
    pub actor_id: Option<UserId>,
    /// To whom.
    pub user_id: Option<UserId>,
    /// From where.
    pub address: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// In which request.
    pub request_id: String,
    /// A few plain words more.
    pub detail: Option<String>,
    /// The seal that holds it; none while it waits for one.
    pub seal: Option<i64>,
    /// What `address` and `user_agent` were when it was sealed, salted; none where there was neither.
    pub personal_digest: Option<Digest>,
    /// The salt of that, gone with what it was made of.
    pub personal_salt: Option<Digest>,
}

/// One event within a seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// Which.
    pub id: AuditEventId,
    /// All it said but for what may be erased, of which there is a salted digest in it.
    pub digest: Digest,
}

/// So many events, sealed at one time and chained to all before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Which; the first is 1, and none is left out.
    pub position: i64,
    /// The digest of the seal before; zeros for the first.
    pub previous: Digest,
    /// Of all that is above and below, but for the signature and the leaves.
    pub digest: Digest,
    /// Of the leaves.
    pub events: Digest,
    /// The leaves, by id; none where the events were let go.
    pub leaves: Option<Vec<Leaf>>,
    /// The first of its events.
    pub first_id: AuditEventId,
    /// The last of its events.
    pub last_id: AuditEventId,
    /// How many there are.
    pub counted: i64,
    /// When it was made.
    pub sealed_at: Timestamp,
    /// Ed25519, over `digest`.
    pub signature: Vec<u8>,
    /// Where its time has run out: its events are gone, and so are all seals before.
    pub let_go: Option<LetGo>,
}

/// That a seal's events were let go by whoever holds the key, and not cut out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetGo {
    /// When.
    pub at: Timestamp,
    /// Ed25519, over the seal's digest and that moment.
    pub signature: Vec<u8>,
}

/// What sealing adds to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedEvent {
    /// Which.
    pub id: AuditEventId,
    /// Who did it, where that is a user.
    pub actor_id: Option<UserId>,
    /// As in [`AuditRecord`].
    pub personal_digest: Option<Digest>,
    /// As in [`AuditRecord`].
    pub personal_salt: Option<Digest>,
}

/// That addresses are to be erased from a user's events, and may be: the account is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Whose; or the id of a mail to them that nobody known asked for, as
    /// [`owner_of`](crate::audit::owner_of) tells.
    pub user_id: UserId,
    /// When the account went.
    pub ordered_at: Timestamp,
    /// Ed25519, over both.
    pub signature: Vec<u8>,
    /// When all of it was done.
    pub done_at: Option<Timestamp>,
}
