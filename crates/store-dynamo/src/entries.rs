//! Index entries of rows that were written before their index was declared.
//!
//! An item of the table has the indexes of each declared table whose rows have entries in them. If a release declares another,
//! the migration adds the entries while the server runs.

use aws_sdk_dynamodb::types::AttributeValue;
use doorward_domain::model::TABLES;
use doorward_domain::store::{StoreError, Table};

use crate::client::{Connection, answer};
use crate::item::{REVISION, place_of, row_of};
use crate::layout::{Index, Place};
use crate::list::Pages;
use crate::operation::Operation;
use crate::plan::set_entries;

const OPERATION: &str = "add index entries";

fn place() -> Place {
    Place {
        partition: "schema".into(),
        sort: vec![0],
    }
}

/// The indexes of a table, in their order.
fn indexes(table: &'static Table) -> String {
    let columns = Index::all(table).map(|index| index.columns.join(","));
    columns.collect::<Vec<_>>().join(" ")
}

/// The tables with an index in which rows may have no entry.
pub(crate) async fn incomplete(connection: &Connection) -> Result<Vec<&'static Table>, StoreError> {
    let stored = connection.get(OPERATION, vec![place()]).await?.pop();
    let stored = stored.unwrap_or_default();
    // A newer version has more, at the end.
    let is_complete = |table: &&'static Table| match stored.get(table.name) {
        Some(AttributeValue::S(stored)) => {
            format!("{stored} ").starts_with(&format!("{} ", indexes(table)))
        }
        _ => indexes(table).is_empty(),
    };
    let tables = TABLES.iter().copied();
    Ok(tables.filter(|table| !is_complete(table)).collect())
}

/// Adds the entries that are missing.
pub(crate) async fn complete(connection: &Connection) -> Result<(), StoreError> {
    let tables = incomplete(connection).await?;
    if tables.is_empty() {
        // Another node was quicker.
        return Ok(());
    }
    if !is_empty(connection).await? {
        for table in &tables {
            for partition in Place::partitions(table) {
                // A row that was written in between is read again.
                while complete_partition(connection, table, partition.clone()).await? > 0 {}
            }
        }
    }
    let mut done = Operation::write(place());
    for table in tables {
        done.set(table.name, Some(AttributeValue::S(indexes(table))));
    }
    connection.write(OPERATION, &done).await.map(drop)
}

/// Returns the number of rows that were not as they should be.
async fn complete_partition(
    connection: &Connection,
    table: &'static Table,
    partition: String,
) -> Result<usize, StoreError> {
    let (mut pages, mut count) = (Pages::of(OPERATION, partition), 0);
    while let Some(page) = pages.next(connection).await? {
        for item in page {
            let Some(place) = place_of(&item) else {
                continue;
            };
            let write = Operation::write(place).if_exists();
            let mut write = write.if_equal(REVISION, item.get(REVISION).cloned());
            set_entries(&mut write, &row_of(table, &item));
            if write.changes(&item) {
                connection.write(OPERATION, &write).await?;
                count += 1;
            }
        }
    }
    Ok(count)
}

/// `true` for a new table.
async fn is_empty(connection: &Connection) -> Result<bool, StoreError> {
    let attempt = || {
        let request = connection.client.scan().table_name(&connection.table);
        answer(request.limit(1).consistent_read(true).send())
    };
    let page = connection.read(OPERATION, attempt).await?;
    Ok(page.count == 0 && page.last_evaluated_key.is_none())
}

#[cfg(test)]
mod tests {
    use doorward_domain::model::User;
    use doorward_domain::store::{Query, Record, Records, Store, Write};
    use doorward_domain::values::Role;
    use doorward_testkit::{fixtures, servers};

    use super::*;
    use crate::{DynamoSettings, DynamoStore, migrate, status};

    /// As after an upgrade to a version that declares another index of users.
    #[tokio::test]
    async fn rows_from_before_an_index_are_added_to_it() {
        let settings = DynamoSettings {
            url: servers::dynamodb().await.parse().unwrap(),
            migrate: true,
        };
        let store = DynamoStore::connect(&settings).await.unwrap();
        let admin = || User {
            role: Role::Admin,
            ..fixtures::user()
        };
        let users = [admin(), admin()];
        store
            .apply(users.iter().map(Write::insert).collect())
            .await
            .unwrap();
        let mut indexes = Index::all(User::TABLE);
        let by_role = indexes.find(|index| index.columns == ["role"]).unwrap();
        let mut old = Operation::write(Place::of_row(User::TABLE, users[0].to_row().key()));
        for key in Index::keys(by_role.slot) {
            old.set(&key, None);
        }
        store.connection.write("test", &old).await.unwrap();
        let mut known = Operation::write(place());
        known.set("users", Some(AttributeValue::S("pending_email_key".into())));
        store.connection.write("test", &known).await.unwrap();

        let listed = async || {
            let query = Query::by::<User>(&["role"]).equal(Role::Admin.as_str());
            store.list::<User>(query).await.unwrap().len()
        };
        assert_eq!(listed().await, 1);
        let pending = status(&settings).await.unwrap();
        assert!(pending.last().unwrap().applied_at.is_none(), "{pending:?}");
        let made = migrate(&settings).await.unwrap();
        assert_eq!(made.len(), 1, "{made:?}");
        assert_eq!(listed().await, 2);
        assert_eq!(migrate(&settings).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_node_whose_entries_another_has_added_adds_none() {
        let settings = DynamoSettings {
            url: servers::dynamodb().await.parse().unwrap(),
            migrate: true,
        };
        let store = DynamoStore::connect(&settings).await.unwrap();
        complete(&store.connection).await.unwrap();
    }
}
