//! When sessions were last used, and which are idle (S-04).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::{LastSeen, SessionStore};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{Session, User};
use crate::policy::Policy;
use crate::store::StoreError;
use crate::values::{Role, SessionId};

/// The times of use that this node has not written yet.
pub struct LastSeenTimes {
    session_store: SessionStore,
    policy: Arc<Policy>,
    times: Mutex<HashMap<SessionId, LastSeen>>,
}

impl LastSeenTimes {
    pub(crate) fn new(session_store: SessionStore, policy: Arc<Policy>) -> Self {
        Self {
            session_store,
            policy,
            times: Mutex::new(HashMap::new()),
        }
    }

    /// Notes a use, which the worker writes.
    pub(crate) fn note(&self, used: LastSeen) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.insert(used.id, used);
    }

    /// Idle timeout of a session of this role; `None` if there is none.
    pub(crate) fn idle_limit(&self, role: Role) -> Option<SignedDuration> {
        let admin_timeout = self.policy.admin_session_idle_timeout;
        let timeout = self.policy.session_idle_timeout;
        let limits = match role {
            Role::Admin => [admin_timeout, timeout],
            Role::User => [timeout, timeout],
        };
        limits.into_iter().filter(|limit| !limit.is_zero()).min()
    }

    /// Returns `true` if the session has reached its idle timeout (S-04). The last use is the stored one, or a
    /// later one that this node has not written yet.
    pub(crate) fn is_idle(&self, session: &Session, role: Role, now: Timestamp) -> bool {
        let Some(limit) = self.idle_limit(role) else {
            return false;
        };
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = times.get(&session.id).map(|seen| seen.at);
        let last = noted.map_or(session.last_seen_at, |at| at.max(session.last_seen_at));
        last + limit <= now
    }

    /// Returns the user's sessions that are still valid, newest first.
    pub(crate) async fn valid_sessions(
        &self,
        ctx: &Ctx,
        user: &User,
    ) -> Result<Vec<Session>, StoreError> {
        let stored = self.session_store.list(user.id, ctx.now).await?;
        let mut valid = Vec::with_capacity(stored.len());
        for session in stored {
            let is_alive =
                session.epoch >= user.security_epoch && !self.is_idle(&session, user.role, ctx.now);
            if is_alive && !self.session_store.has_ended(session.id).await? {
                valid.push(session);
            }
        }
        Ok(valid)
    }

    /// Writes the times noted since the previous call. Times that cannot be written stay in memory, so that no session that
    /// was used reaches its idle timeout (S-04).
    pub async fn write(&self) -> Result<(), Error> {
        let noted = || self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let seen: Vec<_> = noted().values().copied().collect();
        if seen.is_empty() {
            return Ok(());
        }
        self.session_store.touch(&seen).await?;
        let mut noted = noted();
        for written in seen {
            // Keep the entry if the session was used again during the write.
            if noted.get(&written.id) == Some(&written) {
                noted.remove(&written.id);
            }
        }
        Ok(())
    }
}
