//! Open sessions: a hash for each, with its own expiry, and a list for each user.
//!
//! The expiry of a key is relative, so it does not depend on the clock of Redis. The expiry of the session
//! itself is stored in the hash and checked at every read.

use std::collections::HashMap;
use std::sync::LazyLock;

use async_trait::async_trait;
use doorward_domain::model::Session;
use doorward_domain::sessions::{LastSeen, SeparateSessions, SessionUpdate};
use doorward_domain::store::StoreError;
use doorward_domain::values::{Digest, SessionId, UserId};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::RedisStore;
use crate::record::{self, SessionRecord};
use crate::script::{Lua, ScriptCall};

static INSERT: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("scripts/insert.lua")));
static LIST: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("scripts/list.lua")));
static UPDATE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("scripts/update.lua")));
static TOUCH: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("scripts/touch.lua")));
static DELETE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("scripts/delete.lua")));

/// Maximum number of concurrent updates of last-seen times.
const TOUCH_CONCURRENCY: usize = 64;

#[async_trait]
impl SeparateSessions for RedisStore {
    async fn insert_session(&self, session: &Session) -> Result<(), StoreError> {
        let digest = hex::encode(session.digest.as_bytes());
        let mut call = INSERT
            .call(self.session_and_list(session.user_id, &digest))
            .arg(session.id.to_string())
            .arg(&digest)
            .arg(record::lifetime(session));
        for (name, value) in record::write(session) {
            call = call.arg(name).arg(value);
        }
        self.connection.request("insert session", call).await
    }

    async fn find_session(
        &self,
        user_id: UserId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let operation = "find session";
        let mut command = redis::cmd("HGETALL");
        command.arg(self.keys.session(user_id, &hex::encode(digest.as_bytes())));
        let found: SessionRecord = self.connection.request(operation, command).await?;
        let session = found
            .read(user_id, *digest)
            .map_err(|error| StoreError::new(operation, error))?;
        Ok(session.filter(|session| session.expires_at > now))
    }

    async fn list_sessions(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        let operation = "list sessions";
        let list = self.keys.sessions(user_id);
        let mut command = redis::cmd("HGETALL");
        command.arg(&list);
        let listed: HashMap<String, String> = self.connection.request(operation, command).await?;
        if listed.is_empty() {
            return Ok(Vec::new());
        }
        let mut keys = vec![list];
        keys.extend(
            listed
                .values()
                .map(|digest| self.keys.session(user_id, digest)),
        );
        let call = listed.keys().fold(LIST.call(keys), ScriptCall::arg);
        let found: Vec<SessionRecord> = self.connection.request(operation, call).await?;
        let mut sessions = Vec::with_capacity(found.len());
        for (record, listed) in found.into_iter().zip(listed.values()) {
            let session = record::digest(listed)
                .and_then(|digest| record.read(user_id, digest))
                .map_err(|error| StoreError::new(operation, error))?;
            sessions.extend(session.filter(|session| session.expires_at > now));
        }
        sessions.sort_unstable_by_key(|session| std::cmp::Reverse(session.id));
        Ok(sessions)
    }

    async fn update_session(
        &self,
        session: &Session,
        update: SessionUpdate,
    ) -> Result<bool, StoreError> {
        let (compared, expected) = update.condition();
        let lifetime = match update.sets_expiry() {
            true => record::lifetime(session),
            // It expires as before.
            false => 0,
        };
        let call = UPDATE
            .call(self.session_and_list(session.user_id, &hex::encode(session.digest.as_bytes())))
            .arg(session.id.to_string())
            .arg(compared)
            .arg(expected)
            .arg(lifetime);
        let fields = record::write(session).into_iter();
        let call = fields
            .filter(|(name, _)| update.columns().contains(name))
            .fold(call, |call, (name, value)| call.arg(name).arg(value));
        self.connection.request("update session", call).await
    }

    async fn touch_sessions(&self, seen: &[LastSeen]) -> Result<(), StoreError> {
        let touch = |seen: LastSeen| async move { self.touch(&seen).await };
        stream::iter(seen.to_vec())
            .map(touch)
            .buffer_unordered(TOUCH_CONCURRENCY)
            .try_collect()
            .await
    }

    async fn delete_session(&self, user_id: UserId, id: SessionId) -> Result<bool, StoreError> {
        let operation = "delete session";
        let Some(digest) = self.digest(operation, user_id, id).await? else {
            return Ok(false);
        };
        let call = DELETE
            .call(self.session_and_list(user_id, &digest))
            .arg(id.to_string());
        self.connection.request(operation, call).await
    }

    /// Succeeds if Redis accepts writes. On a Cluster, checks one of its primaries.
    async fn ping(&self) -> Result<(), StoreError> {
        // Sets a key only if it exists. It never does, but a server without room rejects the command.
        let mut command = redis::cmd("SET");
        command.arg(self.keys.probe()).arg("").arg("XX");
        command.arg("PX").arg(1);
        self.connection.request("ping", command).await
    }
}

impl RedisStore {
    fn session_and_list(&self, user_id: UserId, digest: &str) -> Vec<String> {
        vec![
            self.keys.session(user_id, digest),
            self.keys.sessions(user_id),
        ]
    }

    /// Digest of a session. It never changes.
    async fn digest(
        &self,
        operation: &'static str,
        user_id: UserId,
        id: SessionId,
    ) -> Result<Option<String>, StoreError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.keys.sessions(user_id)).arg(id.to_string());
        self.connection.request(operation, command).await
    }

    async fn touch(&self, seen: &LastSeen) -> Result<(), StoreError> {
        const OPERATION: &str = "touch session";
        let digest = self.digest(OPERATION, seen.user_id, seen.id).await?;
        let Some(digest) = digest else {
            return Ok(());
        };
        let call = TOUCH
            .call(vec![self.keys.session(seen.user_id, &digest)])
            .arg(seen.at.as_microsecond());
        self.connection.request(OPERATION, call).await
    }
}
