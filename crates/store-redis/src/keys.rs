//! What things are called in Redis.
//!
//! All that belongs to one user has the user's id as its hash tag, so that a Cluster keeps it in
//! one slot and a script may touch it at once. A throttle's key is a digest: it may come from a
//! stranger, be of any length, and name an e-mail address. All of those share one tag.

use std::fmt::Write as _;

use doorward_domain::values::{Digest, UserId};

/// The hash tag of all that throttles keep: one attempt is counted in several places at once.
const THROTTLE: &str = "{throttle}";

pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    pub(crate) fn new(prefix: String) -> Self {
        Self { prefix }
    }

    /// One session, a hash.
    pub(crate) fn session(&self, user_id: UserId, digest: &str) -> String {
        format!("{}{{{user_id}}}:session:{digest}", self.prefix)
    }

    /// The sessions of a user, a hash from their ids to their digests.
    pub(crate) fn sessions(&self, user_id: UserId) -> String {
        format!("{}{{{user_id}}}:sessions", self.prefix)
    }

    /// A bucket of a budget.
    pub(crate) fn bucket(&self, budget: &str, key: &str) -> String {
        let digest = Digest::of(key.as_bytes());
        format!("{}{THROTTLE}:take:{budget}:{}", self.prefix, hex(&digest))
    }

    /// The wrong guesses at one account.
    pub(crate) fn guesses(&self, key: &str) -> String {
        let digest = Digest::of(key.as_bytes());
        format!("{}{THROTTLE}:guess:{}", self.prefix, hex(&digest))
    }

    /// Never there, with or without a number behind it; to be tried on.
    pub(crate) fn nothing(&self) -> String {
        format!("{}nothing", self.prefix)
    }
}

pub(crate) fn hex(digest: &Digest) -> String {
    digest
        .as_bytes()
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a text takes any text");
            text
        })
}
