//! The port, method by method.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use doorward_domain::store::{
    ApplyError, Batch, Claim, Condition, Limits, Query, ReadStore, Row, Store, StoreError, Table,
    Value, Write,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tokio::time::{Instant, timeout};

use crate::client::{Backoff, Connection, LIMIT, OPERATIONS, new_revision};
use crate::item::{OWNER, REVISION, row_of};
use crate::layout::Place;
use crate::list;
use crate::operation::Operation;
use crate::plan;
use crate::schema::{self, OpenError};
use crate::url::DynamoSettings;

/// The time limit of a method that makes several requests.
const BOUND: Duration = Duration::from_secs(11);
/// The time limit of a ping, below those of other operations.
const PING_TIMEOUT: Duration = Duration::from_millis(2500);
/// Number of due rows that a worker reads besides those that it wants: rows that another worker may claim first.
const SPARE_ROWS: usize = 8;
/// Number of rows that a sweep or purge reads at a time.
const PIECE: usize = 100;
/// Number of rows that a sweep or purge deletes at the same time.
const DELETES_AT_ONCE: usize = 8;

/// Records in a DynamoDB table. A clone is another handle on the same connections.
#[derive(Clone)]
pub struct DynamoStore {
    pub(crate) connection: Arc<Connection>,
}

impl DynamoStore {
    /// Connects, and creates what is missing if the settings say so. Fails if the table is not usable.
    pub async fn connect(settings: &DynamoSettings) -> Result<Self, OpenError> {
        let connection = Connection::open(&settings.url).await;
        match settings.migrate {
            true => drop(schema::migrate_table(&connection).await?),
            false => schema::check(&connection).await?,
        }
        let connection = Arc::new(connection);
        Ok(Self { connection })
    }

    async fn apply_as_planned(&self, batch: &[Write]) -> Result<(), ApplyError> {
        if let Some(operations) = plan::direct(batch, &new_revision())
            && self.connection.transact(&operations).await?
        {
            return Ok(());
        }
        // The stored rows decide which error it is, or whether another plan succeeds.
        self.apply_on_read(batch).await
    }

    /// Reads what the batch depends on, executes it and writes the result, until nothing has changed in between.
    async fn apply_on_read(&self, batch: &[Write]) -> Result<(), ApplyError> {
        let deadline = Instant::now() + LIMIT;
        let mut backoff = Backoff::default();
        loop {
            let items = self.connection.get("apply", plan::places(batch)).await?;
            let operations = plan::executed(batch, &items, &new_revision())?;
            if operations.is_empty() || self.connection.transact(&operations).await? {
                return Ok(());
            }
            if !backoff.wait(deadline).await {
                let cause = "other writers changed the same rows";
                return Err(StoreError::new("apply", cause).into());
            }
        }
    }

    /// Deletes the rows of a query, each in a transaction of its own. One that no longer fulfils the conditions stays. Ends once
    /// there are no others.
    async fn delete_all(&self, query: Query, when: &[Condition]) -> Result<(), StoreError> {
        loop {
            let rows = self.list_rows(query.clone().limit(PIECE)).await?;
            let deletes = rows.iter().map(|row| Write::Delete {
                table: row.table,
                key: row.key().clone(),
                when: when.to_vec(),
            });
            let deletes: Vec<_> = deletes.map(|delete| self.apply(vec![delete])).collect();
            let deletes = stream::iter(deletes).buffer_unordered(DELETES_AT_ONCE);
            let deleted: Vec<bool> = deletes.map(is_applied).try_collect().await?;
            if rows.len() < PIECE || !deleted.contains(&true) {
                return Ok(());
            }
        }
    }
}

#[async_trait]
impl ReadStore for DynamoStore {
    async fn get_rows(
        &self,
        table: &'static Table,
        keys: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let places = keys.iter().map(|key| Place::of_row(table, key)).collect();
        let items = self.connection.get(&reads(table), places).await?;
        Ok(items.iter().map(|item| row_of(table, item)).collect())
    }

    /// Reads the unique value and then its row. If the row does not have the value, it has changed in between. For a value
    /// that does not exist, reads a row that does not exist, so that the time does not reveal it.
    async fn find_row(
        &self,
        table: &'static Table,
        column: &'static str,
        value: Value,
    ) -> Result<Option<Row>, StoreError> {
        let deadline = Instant::now() + LIMIT;
        let mut backoff = Backoff::default();
        loop {
            let unique = Place::of_unique(table, column, &value);
            let found = self
                .connection
                .get(&reads(table), vec![unique])
                .await?
                .pop();
            let owner = found.as_ref().and_then(|item| item.get(OWNER)?.as_b().ok());
            let sort = owner.map_or(vec![0], |owner| owner.as_ref().to_vec());
            let place = Place::of_sort_key(table, sort);
            let found = self.connection.get(&reads(table), vec![place]).await?.pop();
            if owner.is_none() {
                return Ok(None);
            }
            let row = found.map(|item| row_of(table, &item));
            if let Some(row) = row.filter(|row| *row.get(column) == value) {
                return Ok(Some(list::row_without(table.large, row)));
            }
            if !backoff.wait(deadline).await {
                let cause = "a unique value does not match its row";
                return Err(StoreError::new(reads(table), cause));
            }
        }
    }

    async fn list_rows(&self, query: Query) -> Result<Vec<Row>, StoreError> {
        match timeout(BOUND, list::list(&self.connection, &query)).await {
            Ok(rows) => rows,
            Err(elapsed) => Err(StoreError::new(reads(query.table), elapsed)),
        }
    }

    async fn count_rows(&self, query: Query) -> Result<u64, StoreError> {
        Ok(self.list_rows(query.limit(usize::MAX)).await?.len() as u64)
    }
}

#[async_trait]
impl Store for DynamoStore {
    async fn apply(&self, batch: Batch) -> Result<(), ApplyError> {
        if batch.is_empty() {
            return Ok(());
        }
        if batch.len() > OPERATIONS {
            return Err(ApplyError::TooLarge);
        }
        match timeout(BOUND, self.apply_as_planned(&batch)).await {
            Ok(result) => result,
            Err(elapsed) => Err(StoreError::outcome_unknown("apply", elapsed).into()),
        }
    }

    fn limits(&self) -> Limits {
        Limits { writes: OPERATIONS }
    }

    async fn claim_rows(&self, claim: Claim) -> Result<Vec<Row>, StoreError> {
        let mut claimed = Vec::new();
        let most = claim.limit.saturating_add(SPARE_ROWS);
        for due in self.list_rows(claim.due().limit(most)).await? {
            if claimed.len() == claim.limit {
                break;
            }
            let (leased, write) = claim.lease(&due);
            if is_applied(self.apply(vec![write]).await)? {
                claimed.push(leased);
            }
        }
        Ok(claimed)
    }

    async fn sweep(&self, table: &'static Table, before: Timestamp) -> Result<(), StoreError> {
        let indexes = table.indexes.iter();
        let expires = indexes.filter(|columns| table.expires == Some(columns[0]));
        let Some(index) = expires.min_by_key(|columns| columns.len()) else {
            return Ok(());
        };
        let last = before.as_microsecond().saturating_sub(1);
        let expired = Query::through(table, index).at_most(last);
        let is_expired = Condition::at_most(index[0], last);
        self.delete_all(expired, &[is_expired]).await
    }

    /// An index entry that is late is found when the worker repeats the purge, as it seals the event of the deletion.
    async fn purge(&self, tables: &[&'static Table], owner: Value) -> Result<(), StoreError> {
        let tables = tables.iter().copied();
        for table in tables.filter(|table| !table.deleted_with_owner) {
            let index = table
                .indexes
                .iter()
                .find(|columns| table.owner == Some(columns[0]));
            match (table.owner, index) {
                (None, _) => {}
                (Some(_), Some(index)) => {
                    let owned = Query::through(table, index).equal(owner.clone());
                    self.delete_all(owned, &[]).await?;
                }
                (Some(_), None) => {
                    let (key, when) = (owner.clone(), Vec::new());
                    let delete = Write::Delete { table, key, when };
                    is_applied(self.apply(vec![delete]).await)?;
                }
            }
        }
        Ok(())
    }

    /// Nodes use their own clocks: DynamoDB refuses requests that are signed with a wrong time.
    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let place = Place {
            partition: "pings".into(),
            sort: vec![0],
        };
        let mut ping = Operation::write(place);
        ping.set(REVISION, Some(new_revision()));
        let attempt = || ping.send(&self.connection);
        self.connection
            .request("ping", PING_TIMEOUT, attempt)
            .await?;
        Ok(())
    }
}

/// `false` if a condition does not hold.
pub(crate) fn is_applied(result: Result<(), ApplyError>) -> Result<bool, StoreError> {
    match result {
        Ok(()) => Ok(true),
        Err(ApplyError::Stale) => Ok(false),
        Err(ApplyError::Store(error) | ApplyError::OutcomeUnknown(error)) => Err(error),
        Err(other) => Err(StoreError::new("apply", other)),
    }
}

fn reads(table: &Table) -> String {
    format!("read {}", table.name)
}

#[cfg(test)]
mod tests {
    use doorward_domain::model::Device;
    use doorward_domain::store::Records;
    use doorward_testkit::{fixtures, servers};

    use super::*;

    #[tokio::test]
    async fn a_deletion_ends_at_rows_that_may_not_be_deleted() {
        let settings = DynamoSettings {
            url: servers::dynamodb().await.parse().unwrap(),
            migrate: true,
        };
        let store = DynamoStore::connect(&settings).await.unwrap();
        let (user_id, now) = (fixtures::user_id(), fixtures::now());
        let device = |number: usize| Device {
            user_id,
            program: Some(format!("browser {number}")),
            network: None,
            last_used_at: now,
            expires_at: now,
        };
        let devices = (0..PIECE).map(|number| Write::put(&device(number)));
        store.apply(devices.collect()).await.unwrap();
        let is_old = [Condition::at_most("expires_at", 0)];
        let deletion = store.delete_all(Device::of_user(user_id), &is_old);
        timeout(BOUND, deletion).await.unwrap().unwrap();
        let left = Device::of_user(user_id).limit(PIECE);
        assert_eq!(store.list::<Device>(left).await.unwrap().len(), PIECE);
    }
}
