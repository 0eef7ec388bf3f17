//! A signed-in device. The store has the digest of the secret in its token and no more (S-01).

use std::net::IpAddr;

use jiff::Timestamp;

use crate::values::{Digest, SessionId, UserId};

/// How many generations there are between two replacements of the token: more than renewals fit into any
/// session's life.
const RENEWALS: i64 = 1 << 32;

/// An open session. The token that opens it holds a 256-bit secret, of which only the digest is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its public name.
    pub id: SessionId,
    /// Digest of the secret in the token; unique.
    pub digest: Digest,
    /// Whose it is.
    pub user_id: UserId,
    /// The user's `session_epoch` when it was made; a lower one than the user's is dead.
    pub epoch: i64,
    /// Counts renewals, and in its upper half replacements. A token carries the generation it was made
    /// in, so that an older one betrays itself.
    pub generation: i64,
    /// When the newest token was made; the one before it works 30 seconds more.
    pub renewed_at: Timestamp,
    /// When the password was shown: a renewed session ends 30 days from here.
    pub created_at: Timestamp,
    /// Roughly when it was last used.
    pub last_seen_at: Timestamp,
    /// When it ends unless renewed.
    pub expires_at: Timestamp,
    /// Where it was opened from.
    pub address: Option<IpAddr>,
    /// What the device said of itself, cut to 256 characters.
    pub user_agent: Option<String>,
}

impl Session {
    /// Of the first token. None is of the generation before it, here and after every replacement.
    pub const FIRST_GENERATION: i64 = 1;

    /// Whether there is a token before the newest that could be in its grace.
    pub(crate) fn has_previous(&self) -> bool {
        self.generation % RENEWALS != Self::FIRST_GENERATION
    }

    /// The generation of a token that takes the place of all before it.
    pub(crate) fn generation_after_replacement(&self) -> i64 {
        (replacements(self.generation) + 1) * RENEWALS + Self::FIRST_GENERATION
    }
}

/// How often the token had been replaced when one of that generation was made.
pub(crate) fn replacements(generation: i64) -> i64 {
    generation / RENEWALS
}
