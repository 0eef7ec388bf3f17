//! Names of keys in Redis.
//!
//! All keys of a user have the user's id as their hash tag, so that a Cluster stores them in one slot and a
//! script can use them together. The key of a rate limit is a MAC, since it may be long and may contain a
//! network or email address (L-05).

use doorward_domain::keys::CounterKeys;
use doorward_domain::values::UserId;

pub(crate) struct Keys {
    prefix: String,
    counters: CounterKeys,
}

impl Keys {
    pub(crate) fn new(prefix: String, counters: CounterKeys) -> Self {
        Self { prefix, counters }
    }

    /// A session: a hash.
    pub(crate) fn session(&self, user_id: UserId, digest: &str) -> String {
        format!("{}{{{user_id}}}:session:{digest}", self.prefix)
    }

    /// The sessions of a user: a hash from ids to digests.
    pub(crate) fn sessions(&self, user_id: UserId) -> String {
        format!("{}{{{user_id}}}:sessions", self.prefix)
    }

    /// The counter of a rate limit for one key.
    pub(crate) fn rate_limit(&self, limit: &str, key: &str) -> String {
        let name = hex::encode(self.counters.name(limit, key).as_bytes());
        format!("{}throttle:{limit}:{name}", self.prefix)
    }

    /// A key that never exists, for `ping`.
    pub(crate) fn probe(&self) -> String {
        format!("{}probe", self.prefix)
    }
}
