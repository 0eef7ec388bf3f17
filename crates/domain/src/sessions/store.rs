//! Where sessions are stored: in the main store, as records like others, or in a separate one.
//!
//! In the main store a session begins and ends in one batch with the writes that belong to it: audit event, device, mail.
//! With a separate store these are two writes. The audit event is written first, so that no session is without one
//! (L-01).
//! If a separate store may lose writes, the main store records every session that has ended until it would have expired.

use std::sync::Arc;

use jiff::Timestamp;

use super::{LastSeen, SeparateSessions, SessionUpdate};
use crate::error::chain;
use crate::model::{EndedSession, Session};
use crate::store::{ApplyError, Batch, Condition, Records, Store, StoreError, Write};
use crate::values::{Digest, SessionId, UserId};

/// Number of sessions that one batch touches.
const TOUCHED_AT_ONCE: usize = 50;

/// Open sessions.
#[derive(Clone)]
pub struct SessionStore {
    main: Arc<dyn Store>,
    separate: Option<Arc<dyn SeparateSessions>>,
}

impl SessionStore {
    /// Sessions in `separate`, or else in the main store.
    pub fn new(main: Arc<dyn Store>, separate: Option<Arc<dyn SeparateSessions>>) -> Self {
        Self { main, separate }
    }

    /// Returns `true` if this session has ended although the separate store returns it.
    pub async fn has_ended(&self, id: SessionId) -> Result<bool, StoreError> {
        match &self.separate {
            Some(separate) if separate.may_lose_writes() => {
                Ok(self.main.get::<EndedSession>(id).await?.is_some())
            }
            _ => Ok(false),
        }
    }

    /// Inserts a session and applies the batch. Fails with `OutcomeUnknown` if the batch is applied, but a separate store
    /// rejects the session.
    pub async fn open(&self, session: &Session, mut batch: Batch) -> Result<(), ApplyError> {
        let Some(separate) = &self.separate else {
            batch.push(Write::insert(session));
            return self.main.apply(batch).await;
        };
        self.main.apply(batch).await?;
        let inserted = separate.insert_session(session).await;
        inserted.map_err(ApplyError::OutcomeUnknown)
    }

    /// Finds the user's session with this digest that has not expired at `now`.
    pub async fn find(
        &self,
        user_id: UserId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        if let Some(separate) = &self.separate {
            return separate.find_session(user_id, digest, now).await;
        }
        let found: Option<Session> = self.main.find(Session::DIGEST, digest).await?;
        Ok(found.filter(|session| session.user_id == user_id && session.expires_at > now))
    }

    /// Lists the user's sessions that have not expired at `now`, newest first.
    pub async fn list(&self, user_id: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        match &self.separate {
            Some(separate) => separate.list_sessions(user_id, now).await,
            None => self.main.list(Session::of_user(user_id, now)).await,
        }
    }

    /// Writes the columns of this update, with the values that they have in `session`, and no others. Returns `false`, and
    /// writes nothing, if the stored session is not as the update expects, or does not exist.
    pub async fn update(
        &self,
        session: &Session,
        update: SessionUpdate,
    ) -> Result<bool, StoreError> {
        if let Some(separate) = &self.separate {
            return separate.update_session(session, update).await;
        }
        let (column, expected) = update.condition();
        let when = vec![Condition::is(column, expected)];
        let write = Write::update_columns(session, update.columns(), when);
        is_applied(self.main.apply(vec![write]).await)
    }

    /// Records when sessions were last used. Unknown sessions are ignored.
    pub async fn touch(&self, seen: &[LastSeen]) -> Result<(), StoreError> {
        if let Some(separate) = &self.separate {
            return separate.touch_sessions(seen).await;
        }
        let mut seen = seen.to_vec();
        // A fixed order prevents deadlocks between nodes.
        seen.sort_unstable_by_key(|seen| seen.id);
        for batch in seen.chunks(TOUCHED_AT_ONCE) {
            if is_applied(self.main.apply(batch.iter().map(touch).collect()).await)? {
                continue;
            }
            // One of them has ended.
            for seen in batch {
                is_applied(self.main.apply(vec![touch(seen)]).await)?;
            }
        }
        Ok(())
    }

    /// Ends a session and applies the batch. Returns `false`, and applies nothing, if the main store has no such session. In
    /// a separate store that may lose writes, the session stays ended even if its deletion fails. In one that does not, a
    /// failed deletion is `OutcomeUnknown`.
    pub async fn end(&self, session: &EndedSession, mut batch: Batch) -> Result<bool, ApplyError> {
        let (user_id, id) = (session.user_id, session.id);
        let Some(separate) = &self.separate else {
            let when = vec![Condition::is("user_id", user_id)];
            batch.insert(0, Write::delete_if::<Session>(id, when));
            return Ok(is_applied(self.main.apply(batch).await)?);
        };
        let is_recorded = separate.may_lose_writes();
        if is_recorded {
            batch.insert(0, Write::put(session));
        }
        self.main.apply(batch).await?;
        match separate.delete_session(user_id, id).await {
            Ok(_) => Ok(true),
            Err(error) if is_recorded => {
                tracing::warn!(user.id = %user_id, error = %chain(&error), "failed to delete an ended session");
                Ok(true)
            }
            Err(error) => Err(ApplyError::OutcomeUnknown(error)),
        }
    }

    /// Deletes a session of this user that another write has ended. Returns `false` if there is none.
    pub async fn delete(&self, user_id: UserId, id: SessionId) -> Result<bool, StoreError> {
        match &self.separate {
            Some(separate) => separate.delete_session(user_id, id).await,
            None => {
                let when = vec![Condition::is("user_id", user_id)];
                let delete = Write::delete_if::<Session>(id, when);
                is_applied(self.main.apply(vec![delete]).await)
            }
        }
    }

    /// Succeeds if the store responds.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match &self.separate {
            Some(separate) => separate.ping().await,
            None => self.main.ping().await,
        }
    }
}

fn touch(seen: &LastSeen) -> Write {
    let set = [("last_seen_at", seen.at.into())];
    let when = vec![Condition::is("user_id", seen.user_id)];
    Write::update::<Session, 1>(seen.id, set, when)
}

/// `false` if a condition does not hold.
fn is_applied(result: Result<(), ApplyError>) -> Result<bool, StoreError> {
    match result {
        Ok(()) => Ok(true),
        Err(ApplyError::Stale) => Ok(false),
        Err(ApplyError::Store(error) | ApplyError::OutcomeUnknown(error)) => Err(error),
        Err(other) => Err(StoreError::new("write sessions", other)),
    }
}
