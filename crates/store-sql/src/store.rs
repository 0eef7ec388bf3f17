//! The port, method by method. Operations on records are in `records.rs`, others in the file of their type.

use std::time::Duration;

use async_trait::async_trait;
use doorward_domain::audit::AuditLog;
use doorward_domain::changes::{ApplyError, Changes};
use doorward_domain::model::{AuditEvent, AuditFilter, TABLES, User, UserFilter};
use doorward_domain::ports::{Store, StoreError};
use doorward_domain::store::{Claim, Query, Row, Table, Value};
use doorward_domain::values::{AuditEventId, UserId};
use jiff::Timestamp;

use crate::error::SqlError;
use crate::retry::RetryBudget;
use crate::row::{BadRow, Row as ColumnReader};
use crate::sweep::Sweep;
use crate::transaction::Transaction;
use crate::{SqlStore, apply, audit_events, records, users};

/// The time limit of a ping, below those of other operations.
const PING_TIMEOUT: Duration = Duration::from_millis(2500);

#[async_trait]
impl Store for SqlStore {
    async fn apply(&self, changes: Changes) -> Result<(), ApplyError> {
        apply::apply(self, &changes).await
    }

    async fn get_row(&self, table: &'static Table, key: Value) -> Result<Option<Row>, StoreError> {
        records::get(self, table, &key).await
    }

    async fn find_row(
        &self,
        table: &'static Table,
        column: &'static str,
        value: Value,
    ) -> Result<Option<Row>, StoreError> {
        records::find(self, table, column, &value).await
    }

    async fn get_rows(
        &self,
        table: &'static Table,
        keys: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        records::get_many(self, table, &keys).await
    }

    async fn list_rows(&self, query: Query) -> Result<Vec<Row>, StoreError> {
        records::list(self, &query).await
    }

    async fn count_rows(&self, query: Query) -> Result<u64, StoreError> {
        records::count(self, &query).await
    }

    async fn claim_rows(&self, claim: Claim) -> Result<Vec<Row>, StoreError> {
        records::claim(self, &claim).await
    }

    async fn find_user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        users::find(self, id).await
    }

    async fn find_user_by_username(&self, key: &str) -> Result<Option<User>, StoreError> {
        users::find_by_username(self, key).await
    }

    async fn find_user_by_email(&self, key: &str) -> Result<Option<User>, StoreError> {
        users::find_by_email(self, key).await
    }

    async fn list_users_by_pending_email(
        &self,
        key: &str,
        limit: usize,
    ) -> Result<Vec<User>, StoreError> {
        users::list_by_pending_email(self, key, limit).await
    }

    async fn list_users(&self, filter: &UserFilter) -> Result<Vec<User>, StoreError> {
        users::list(self, filter).await
    }

    async fn has_active_admin(&self) -> Result<bool, StoreError> {
        users::has_active_admin(self).await
    }

    async fn list_expired_pending_emails(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        users::list_expired_pending_emails(self, before, limit).await
    }

    async fn list_audit_events(&self, filter: &AuditFilter) -> Result<Vec<AuditEvent>, StoreError> {
        audit_events::list(self, filter).await
    }

    fn audit_log(&self) -> &dyn AuditLog {
        self
    }

    async fn list_audit_events_of(
        &self,
        user_id: UserId,
        before: Option<AuditEventId>,
        limit: usize,
    ) -> Result<Vec<AuditEvent>, StoreError> {
        audit_events::list_of(self, user_id, before, limit).await
    }

    async fn sweep(&self, before: Timestamp) -> Result<(), StoreError> {
        for table in TABLES {
            let Some(expires) = table.expires else {
                continue;
            };
            let sweep = Sweep {
                table: table.name,
                key: table.key(),
                condition: format!("{expires} < ?"),
            };
            sweep.run(self, before).await?;
        }
        match self.dialect.purge_script(self.pool.timeouts()) {
            Some(script) => run_script(self, script).await,
            None => Ok(()),
        }
    }

    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        server_time(self).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        ping(self).await
    }
}

async fn run_script(store: &SqlStore, script: String) -> Result<(), StoreError> {
    let budget = RetryBudget::new(store.pool.timeouts().operation());
    let attempt = async {
        let mut connection = store.pool.get().await?;
        connection.session_script(script).await
    };
    let result = budget.attempt(attempt).await;
    result.map_err(|error| error.into_store_error("purge deleted data"))
}

/// Does a small write, since only that shows that the database accepts one: a full disk, a lock or a missing table
/// affects writes only.
pub(crate) async fn ping(store: &SqlStore) -> Result<(), StoreError> {
    let pinged = store.transaction(PING_TIMEOUT, |mut transaction| async move {
        let result = write_nothing(&mut transaction).await;
        (transaction, result)
    });
    let pinged = pinged.await;
    pinged.map_err(|error| error.into_store_error("ping"))
}

async fn write_nothing(transaction: &mut Transaction) -> Result<(), SqlError> {
    // Matches no row, and waits for a lock on the table that everything depends on.
    let users = "UPDATE users SET version = version WHERE 1 = 0";
    transaction.execute(users, &[]).await?;
    let guards = "UPDATE guards SET counter = counter + 1 WHERE name = 'ping'";
    transaction.execute(guards, &[]).await.map(drop)
}

async fn server_time(store: &SqlStore) -> Result<Option<Timestamp>, StoreError> {
    let Some(sql) = store.dialect.server_time() else {
        return Ok(None);
    };
    let row = store.row("server time", sql, &[]).await?;
    let time = row.map(|row| ColumnReader::new(&row, "clock", "now").time("now"));
    time.transpose()
        .map_err(|error: BadRow| StoreError::new("server time", error))
}
