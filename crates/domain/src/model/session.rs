//! A session. The store contains only the digest of the secret in its token (S-01).

use std::net::IpAddr;

use jiff::Timestamp;

use crate::values::{Digest, SessionId, UserId};

/// Number of generations between two replacements of the token: more than the renewals of any session.
const RENEWALS: i64 = 1 << 32;

/// An open session. Its token contains a 256-bit secret, of which only the digest is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The public id.
    pub id: SessionId,
    /// Digest of the secret in the token; unique.
    pub digest: Digest,
    /// The owner.
    pub user_id: UserId,
    /// The user's `session_epoch` at creation. The session is invalid if the user's is higher.
    pub epoch: i64,
    /// Counts renewals in its lower half and replacements in its upper half. A token contains the generation in
    /// which it was issued, so that an older token is recognised.
    pub generation: i64,
    /// When the newest token was issued. The previous one stays valid for the renewal grace period.
    pub renewed_at: Timestamp,
    /// When the user signed in. The absolute lifetime starts here.
    pub created_at: Timestamp,
    /// Approximate time of the last use.
    pub last_seen_at: Timestamp,
    /// When it expires unless renewed.
    pub expires_at: Timestamp,
    /// IP address of the client that signed in.
    pub address: Option<IpAddr>,
    /// User agent of that client, cut to 256 characters.
    pub user_agent: Option<String>,
}

impl Session {
    /// Generation of the first token. The first token, and the first after a replacement, have no predecessor.
    pub const FIRST_GENERATION: i64 = 1;

    /// Returns `true` if the newest token has a predecessor, which may be in its grace period.
    pub(crate) fn has_previous(&self) -> bool {
        self.generation % RENEWALS != Self::FIRST_GENERATION
    }

    /// Generation of a token that replaces all previous ones.
    pub(crate) fn generation_after_replacement(&self) -> i64 {
        (replacements(self.generation) + 1) * RENEWALS + Self::FIRST_GENERATION
    }
}

/// Number of replacements before a token of this generation.
pub(crate) fn replacements(generation: i64) -> i64 {
    generation / RENEWALS
}
