//! Open sessions. Those of a user are one partition, ordered by digest, so that a check is one read and a list sees every write.
//!
//! An expired session is not returned, and DynamoDB deletes it within days.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use doorward_domain::model::Session;
use doorward_domain::sessions::{LastSeen, SeparateSessions, SessionUpdate};
use doorward_domain::store::{Record, Row, Store, StoreError};
use doorward_domain::values::{Digest, SessionId, UserId};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::DynamoStore;
use crate::item::{Item, TTL, attribute, place_of, row_of};
use crate::layout::Place;
use crate::list::Pages;
use crate::operation::Operation;
use crate::store::is_applied;

/// Maximum number of sessions that are touched at the same time.
const TOUCHED_AT_ONCE: usize = 16;

#[async_trait]
impl SeparateSessions for DynamoStore {
    /// A write that was acknowledged is durable.
    fn may_lose_writes(&self) -> bool {
        false
    }

    async fn insert_session(&self, session: &Session) -> Result<(), StoreError> {
        let row = session.to_row();
        let mut insert = Operation::write(place(session.user_id, &session.digest));
        for (column, value) in row.table.columns.iter().zip(&row.values) {
            insert.set(column.name, attribute(value));
        }
        insert.set(TTL, Some(ttl(session.expires_at)));
        self.connection
            .write("insert session", &insert)
            .await
            .map(drop)
    }

    async fn find_session(
        &self,
        user_id: UserId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        const OPERATION: &str = "find session";
        let places = vec![place(user_id, digest)];
        let found = self.connection.get(OPERATION, places).await?.pop();
        let session = found.map(|item| read(OPERATION, &item)).transpose()?;
        Ok(session.filter(|session| session.expires_at > now))
    }

    async fn list_sessions(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        const OPERATION: &str = "list sessions";
        let items = self.of_user(OPERATION, user_id).await?;
        let sessions = items.iter().map(|item| read(OPERATION, item));
        let mut sessions: Vec<Session> = sessions.collect::<Result<_, _>>()?;
        sessions.retain(|session| session.expires_at > now);
        sessions.sort_unstable_by_key(|session| std::cmp::Reverse(session.id));
        Ok(sessions)
    }

    /// With a token, since the second of two attempts would not find what it expects.
    async fn update_session(
        &self,
        session: &Session,
        update: SessionUpdate,
    ) -> Result<bool, StoreError> {
        let row = session.to_row();
        let (compared, expected) = update.condition();
        let write = Operation::write(place(session.user_id, &session.digest));
        let mut write = write.if_equal(compared, attribute(&expected.into()));
        if update.sets_expiry() {
            write.set(TTL, Some(ttl(session.expires_at)));
        }
        for column in update.columns() {
            write.set(column, attribute(row.get(column)));
        }
        match self.connection.transact(&[write]).await {
            Ok(is_applied) => Ok(is_applied),
            Err(error) => is_applied(Err(error)),
        }
    }

    async fn touch_sessions(&self, seen: &[LastSeen]) -> Result<(), StoreError> {
        let touch = |seen: LastSeen| async move { self.touch(&seen).await };
        stream::iter(seen.to_vec())
            .map(touch)
            .buffer_unordered(TOUCHED_AT_ONCE)
            .try_collect()
            .await
    }

    async fn delete_session(&self, user_id: UserId, id: SessionId) -> Result<bool, StoreError> {
        let Some(place) = self.place_of("delete session", user_id, id).await? else {
            return Ok(false);
        };
        let delete = Operation::delete(place).if_exists();
        self.connection.write("delete session", &delete).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Store::ping(self).await
    }
}

impl DynamoStore {
    async fn touch(&self, seen: &LastSeen) -> Result<(), StoreError> {
        const OPERATION: &str = "touch session";
        let Some(place) = self.place_of(OPERATION, seen.user_id, seen.id).await? else {
            return Ok(());
        };
        let mut touch = Operation::write(place).if_exists();
        touch.set("last_seen_at", attribute(&seen.at.into()));
        self.connection.write(OPERATION, &touch).await.map(drop)
    }

    /// The place of a session, by its public id.
    async fn place_of(
        &self,
        operation: &str,
        user_id: UserId,
        id: SessionId,
    ) -> Result<Option<Place>, StoreError> {
        let id = attribute(&id.into());
        let items = self.of_user(operation, user_id).await?;
        let found = items.iter().find(|item| item.get("id") == id.as_ref());
        Ok(found.and_then(place_of))
    }

    async fn of_user(&self, operation: &str, user_id: UserId) -> Result<Vec<Item>, StoreError> {
        let mut pages = Pages::of(operation, partition(user_id));
        let mut items = Vec::new();
        while let Some(page) = pages.next(&self.connection).await? {
            items.extend(page);
        }
        Ok(items)
    }
}

fn partition(user_id: UserId) -> String {
    format!("open-sessions/{user_id}")
}

fn place(user_id: UserId, digest: &Digest) -> Place {
    Place {
        partition: partition(user_id),
        sort: digest.as_bytes().to_vec(),
    }
}

fn read(operation: &'static str, item: &Item) -> Result<Session, StoreError> {
    let row: Row = row_of(Session::TABLE, item);
    row.read().map_err(|bad| StoreError::new(operation, bad))
}

/// When DynamoDB may delete the item.
pub(crate) fn ttl(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_second().saturating_add(1).to_string())
}
