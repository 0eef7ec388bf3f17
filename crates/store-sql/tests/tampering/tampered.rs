//! A log of three seals with three events each, and who may do as they like with it.

use std::ops::Deref;

use doorward_domain::audit::Finding;
use doorward_domain::model::AuditEvent;
use doorward_testkit::sealing::{verify, write_sealed};

use crate::database::Database;

pub struct Tampered {
    pub database: Database,
    pub events: Vec<AuditEvent>,
}

impl Deref for Tampered {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

impl Tampered {
    pub async fn new(url: &str) -> Self {
        let database = Database::new(url).await;
        let events = write_sealed(&*database.store, 9).await;
        Self { database, events }
    }

    /// Notes a table as it is, to be put back.
    pub async fn keep(&self, table: &str) {
        self.execute(&format!("CREATE TABLE kept AS SELECT * FROM {table}"))
            .await;
    }

    pub async fn put_back(&self, table: &str) {
        self.execute(&format!(
            "DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept;"
        ))
        .await;
    }

    pub fn id(&self, number: usize) -> String {
        self.bytes(self.events[number].id.as_bytes())
    }

    pub async fn findings(&self) -> Vec<Finding> {
        verify(&*self.store, 10, &[]).await.1
    }

    /// What is found, in words, and in which seals and events.
    pub async fn found(&self) -> Vec<(&'static str, Option<i64>, Option<usize>)> {
        let number = |finding: &Finding| {
            let id = finding.event?;
            self.events.iter().position(|event| event.id == id)
        };
        let findings = self.findings().await;
        let line = |finding: &Finding| (finding.word(), finding.position, number(finding));
        findings.iter().map(line).collect()
    }
}
