//! Open sessions. Each statement compares the expiry with the `now` of the caller.

use async_trait::async_trait;
use doorward_domain::model::Session;
use doorward_domain::ports::{LastSeen, Sessions, StoreError};
use doorward_domain::values::{Digest, SessionId, UserId};
use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::error::SqlError;
use crate::row::{self, BadRow, Row};
use crate::sweep::Sweep;
use crate::transaction::Transaction;
use crate::{SqlStore, store};

const COLUMNS: &str = "id, digest, user_id, epoch, generation, renewed_at, created_at, last_seen_at, \
    expires_at, address, user_agent";

/// Number of sessions that one transaction touches.
const TOUCH_BATCH_SIZE: usize = 200;

#[async_trait]
impl Sessions for SqlStore {
    async fn insert_session(&self, session: &Session) -> Result<(), StoreError> {
        let sql = "INSERT INTO sessions (id, digest, user_id, epoch, generation, renewed_at, created_at, \
            last_seen_at, expires_at, address, user_agent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let args = [
            session.id.into(),
            (&session.digest).into(),
            session.user_id.into(),
            session.epoch.into(),
            session.generation.into(),
            session.renewed_at.into(),
            session.created_at.into(),
            session.last_seen_at.into(),
            session.expires_at.into(),
            session.address.into(),
            session.user_agent.as_deref().into(),
        ];
        self.write("insert session", sql, &args).await?;
        Ok(())
    }

    async fn find_session(
        &self,
        user_id: UserId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM sessions WHERE digest = ? AND user_id = ? AND expires_at > ?"
        );
        let row = self
            .row(
                "find session",
                &sql,
                &[digest.into(), user_id.into(), now.into()],
            )
            .await?;
        row::one("find session", row.as_ref(), from_row)
    }

    async fn list_sessions(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM sessions WHERE user_id = ? AND expires_at > ? ORDER BY id DESC"
        );
        let rows = self
            .rows("list sessions", &sql, &[user_id.into(), now.into()])
            .await?;
        row::all("list sessions", &rows, from_row)
    }

    async fn renew_session(&self, session: &Session, expected: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE sessions SET generation = ?, renewed_at = ?, expires_at = ? WHERE id = ? AND generation = ?";
        let args = [
            session.generation.into(),
            session.renewed_at.into(),
            session.expires_at.into(),
            session.id.into(),
            expected.into(),
        ];
        let written = self.write("renew session", sql, &args).await?;
        Ok(written == 1)
    }

    async fn set_session_epoch(
        &self,
        user_id: UserId,
        id: SessionId,
        epoch: i64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE sessions SET epoch = ? WHERE id = ? AND user_id = ?";
        let args = [epoch.into(), id.into(), user_id.into()];
        self.write("set session epoch", sql, &args).await?;
        Ok(())
    }

    async fn touch_sessions(&self, seen: &[LastSeen]) -> Result<(), StoreError> {
        let mut seen = seen.to_vec();
        // A fixed order prevents deadlocks between nodes.
        seen.sort_unstable_by_key(|seen| seen.id);
        for batch in seen.chunks(TOUCH_BATCH_SIZE) {
            touch(self, batch).await?;
        }
        Ok(())
    }

    async fn delete_session(&self, user_id: UserId, id: SessionId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM sessions WHERE id = ? AND user_id = ?";
        let args = [id.into(), user_id.into()];
        let written = self.write("delete session", sql, &args).await?;
        Ok(written == 1)
    }

    async fn sweep_sessions(&self, now: Timestamp) -> Result<(), StoreError> {
        let sweep = Sweep {
            table: "sessions",
            key: "id",
            condition: "expires_at <= ?".to_owned(),
        };
        sweep.run(self, now).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        store::ping(self).await
    }
}

async fn touch(store: &SqlStore, seen: &[LastSeen]) -> Result<(), StoreError> {
    let limit = store.pool.timeouts().operation();
    let touched = store.transaction(limit, |mut transaction| async move {
        let result = touch_each(&mut transaction, seen).await;
        (transaction, result)
    });
    let touched = touched.await;
    touched.map_err(|error| error.into_store_error("touch sessions"))
}

async fn touch_each(transaction: &mut Transaction, seen: &[LastSeen]) -> Result<(), SqlError> {
    let sql = "UPDATE sessions SET last_seen_at = ? WHERE id = ? AND user_id = ?";
    for seen in seen {
        let args = [seen.at.into(), seen.id.into(), seen.user_id.into()];
        transaction.execute(sql, &args).await?;
    }
    Ok(())
}

fn from_row(row: &AnyRow) -> Result<Session, BadRow> {
    let row = Row::new(row, "sessions", "id");
    Ok(Session {
        id: SessionId::from_bytes(row.array("id")?),
        digest: Digest::from_bytes(row.array("digest")?),
        user_id: UserId::from_bytes(row.array("user_id")?),
        epoch: row.int("epoch")?,
        generation: row.int("generation")?,
        renewed_at: row.time("renewed_at")?,
        created_at: row.time("created_at")?,
        last_seen_at: row.time("last_seen_at")?,
        expires_at: row.time("expires_at")?,
        address: row.opt_parsed("address", |text| text.parse().ok())?,
        user_agent: row.opt_text("user_agent")?,
    })
}
