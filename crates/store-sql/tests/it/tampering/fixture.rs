//! An audit log with three checkpoints after three events each, and access to its tables.

use std::ops::Deref;

use doorward_domain::model::AuditEvent;
use doorward_testkit::audit_fixtures::{verify, write_sealed};

use super::database::Database;

pub struct TamperedLog {
    pub database: Database,
    pub events: Vec<AuditEvent>,
}

impl Deref for TamperedLog {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

impl TamperedLog {
    pub async fn new(url: &str) -> Self {
        let database = Database::new(url).await;
        let events = write_sealed(&*database.store, 9).await;
        Self { database, events }
    }

    /// Copies a table.
    pub async fn keep(&self, table: &str) {
        let sql = format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}");
        self.execute(&sql).await;
    }

    /// Restores the copy.
    pub async fn restore(&self, table: &str) {
        self.execute(&format!(
            "DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table};"
        ))
        .await;
    }

    pub fn id(&self, number: usize) -> String {
        self.bytes(self.events[number].id.as_bytes())
    }

    /// The code, the position and the number of the event of the first violation.
    pub async fn violation(&self) -> Option<(&'static str, Option<i64>, Option<usize>)> {
        let violation = verify(&*self.store, &[]).await.0.violation?;
        let id = violation.event();
        let number = self.events.iter().position(|event| Some(event.id) == id);
        Some((violation.code(), violation.position(), number))
    }
}
