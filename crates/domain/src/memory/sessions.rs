//! Sessions in memory: a separate port, with its own lock.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryStore;
use crate::model::Session;
use crate::ports::{LastSeen, Sessions, StoreError};
use crate::values::{Digest, SessionId, UserId};

impl MemoryStore {
    fn sessions(&self) -> MutexGuard<'_, HashMap<SessionId, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sessions for MemoryStore {
    async fn insert_session(&self, session: &Session) -> Result<(), StoreError> {
        self.sessions().insert(session.id, session.clone());
        Ok(())
    }

    async fn find_session(
        &self,
        user_id: UserId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let sessions = self.sessions();
        let mut alive = sessions.values().filter(|session| session.expires_at > now);
        let found = alive.find(|session| session.user_id == user_id && session.digest == *digest);
        Ok(found.cloned())
    }

    async fn list_sessions(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        let sessions = self.sessions();
        let alive = sessions
            .values()
            .filter(|session| session.user_id == user_id && session.expires_at > now);
        let mut list: Vec<_> = alive.cloned().collect();
        list.sort_by_key(|session| std::cmp::Reverse(session.id));
        Ok(list)
    }

    async fn renew_session(&self, session: &Session, expected: i64) -> Result<bool, StoreError> {
        let mut sessions = self.sessions();
        let stored = sessions
            .get_mut(&session.id)
            .filter(|stored| stored.generation == expected);
        Ok(stored
            .map(|stored| {
                stored.generation = session.generation;
                stored.renewed_at = session.renewed_at;
                stored.expires_at = session.expires_at;
            })
            .is_some())
    }

    async fn set_session_epoch(
        &self,
        user_id: UserId,
        id: SessionId,
        epoch: i64,
    ) -> Result<(), StoreError> {
        let mut sessions = self.sessions();
        if let Some(session) = sessions
            .get_mut(&id)
            .filter(|session| session.user_id == user_id)
        {
            session.epoch = epoch;
        }
        Ok(())
    }

    async fn touch_sessions(&self, seen: &[LastSeen]) -> Result<(), StoreError> {
        let mut sessions = self.sessions();
        for seen in seen {
            let stored = sessions.get_mut(&seen.id);
            if let Some(session) = stored.filter(|session| session.user_id == seen.user_id) {
                session.last_seen_at = seen.at;
            }
        }
        Ok(())
    }

    async fn delete_session(&self, user_id: UserId, id: SessionId) -> Result<bool, StoreError> {
        let mut sessions = self.sessions();
        if sessions
            .get(&id)
            .is_some_and(|session| session.user_id == user_id)
        {
            sessions.remove(&id);
            return Ok(true);
        }
        Ok(false)
    }

    async fn sweep_sessions(&self, now: Timestamp) -> Result<(), StoreError> {
        self.sessions()
            .retain(|_, session| session.expires_at > now);
        Ok(())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
