//! The port of sessions that are not in the main store.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::model::Session;
use crate::store::StoreError;
use crate::values::{Digest, SessionId, UserId};

/// Stores open sessions apart from the records of the main store, such as in Redis. It may lose writes, unless it says
/// otherwise: it can be restored from a snapshot, or acknowledge writes before they are durable. Every query contains
/// the user's id, so that a store with several servers can keep a user's sessions on one of them.
/// [`super::SessionStore`] uses it.
#[async_trait]
pub trait SeparateSessions: Send + Sync {
    /// `false` if every acknowledged write is durable, as in the main store. Otherwise the main store records which sessions
    /// have ended.
    fn may_lose_writes(&self) -> bool {
        true
    }
    /// Inserts a session. It is as durable as the store allows when this returns. Idempotent.
    async fn insert_session(&self, session: &Session) -> Result<(), StoreError>;
    /// Finds the user's session with this digest that has not expired at `now`.
    async fn find_session(
        &self,
        user_id: UserId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError>;
    /// Lists the user's sessions that have not expired at `now`, newest first.
    async fn list_sessions(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError>;
    /// Writes the columns of this update, with the values that they have in `session`, and no others. Returns `false`, and
    /// writes nothing, if the stored session is not as the update expects, or does not exist.
    async fn update_session(
        &self,
        session: &Session,
        update: SessionUpdate,
    ) -> Result<bool, StoreError>;
    /// Records when sessions were last used. Best effort: unknown sessions are ignored.
    async fn touch_sessions(&self, seen: &[LastSeen]) -> Result<(), StoreError>;
    /// Deletes a session of this user. Returns `false` if there is none.
    async fn delete_session(&self, user_id: UserId, id: SessionId) -> Result<bool, StoreError>;
    /// Succeeds if the store responds.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// When a session was last used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSeen {
    /// Owner of the session.
    pub user_id: UserId,
    /// The session.
    pub id: SessionId,
    /// Time of the use.
    pub at: Timestamp,
}

/// An update of a session. Two nodes can make a renewal and a new epoch at the same time, from outdated copies: they write
/// different columns, so neither overwrites the other. Of a renewal and a proof, the first one succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionUpdate {
    /// A renewal or a replacement of the token: writes `generation`, `renewed_at` and `expires_at`.
    Renewal {
        /// The generation that must be stored.
        expected: i64,
    },
    /// The session survives a security event: writes `epoch`.
    Epoch {
        /// The epoch that must be stored. A session of an older one has ended.
        expected: i64,
    },
    /// The user has proved again who they are, and the token is replaced: writes what a renewal writes, and `auth_time` and
    /// `amr`.
    Proof {
        /// The generation that must be stored.
        expected: i64,
    },
}

impl SessionUpdate {
    /// The column that is compared, and the value that it must have.
    pub fn condition(self) -> (&'static str, i64) {
        match self {
            Self::Renewal { expected } | Self::Proof { expected } => ("generation", expected),
            Self::Epoch { expected } => ("epoch", expected),
        }
    }

    /// The columns that are written.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Renewal { .. } => &["generation", "renewed_at", "expires_at"],
            Self::Epoch { .. } => &["epoch"],
            Self::Proof { .. } => &["generation", "renewed_at", "expires_at", "auth_time", "amr"],
        }
    }

    /// Returns `true` if the time at which the session expires is written.
    pub fn sets_expiry(self) -> bool {
        self.columns().contains(&"expires_at")
    }
}
