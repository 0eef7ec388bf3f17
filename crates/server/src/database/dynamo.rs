//! DynamoDB.
//!
//! The futures of the SDK are nested so deeply that they are boxed: otherwise the compiler reaches its limit in those
//! that contain them.

use std::sync::Arc;

use anyhow::anyhow;
use doorward_domain::diagnostics::{DatabaseDiagnostics, Diagnostic, MigrationStatus};
use doorward_domain::keys::CounterKeys;
use doorward_domain::limits::RateLimits;
use doorward_domain::sessions::SeparateSessions;
use doorward_domain::store::Store;
use doorward_store_dynamo::{DynamoRateLimits, DynamoSettings, DynamoStore, DynamoUrl};

/// What a table stores beside the records.
pub(super) struct Counters(Arc<DynamoStore>);

impl Counters {
    pub(super) fn open(
        &self,
        keys: CounterKeys,
    ) -> (Arc<dyn SeparateSessions>, Arc<dyn RateLimits>) {
        let limits = DynamoRateLimits::new(&self.0, keys);
        (self.0.clone(), Arc::new(limits))
    }
}

pub(super) async fn open(url: &str, migrate: bool) -> anyhow::Result<(Arc<dyn Store>, Counters)> {
    let store = Arc::new(Box::pin(DynamoStore::connect(&settings(url, migrate)?)).await?);
    Ok((store.clone(), Counters(store)))
}

pub(super) async fn migrate(url: &str) -> anyhow::Result<Vec<MigrationStatus>> {
    Ok(Box::pin(doorward_store_dynamo::migrate(&settings(url, true)?)).await?)
}

pub(super) async fn status(url: &str) -> anyhow::Result<Vec<MigrationStatus>> {
    Ok(Box::pin(doorward_store_dynamo::status(&settings(url, false)?)).await?)
}

pub(super) async fn diagnose(url: &str, migrate: bool) -> DatabaseDiagnostics {
    match settings(url, migrate) {
        Ok(settings) => Box::pin(doorward_store_dynamo::diagnose(&settings)).await,
        Err(error) => DatabaseDiagnostics {
            diagnostics: vec![Diagnostic::failed(
                "database",
                error.to_string(),
                "correct `database.url`",
            )],
            is_usable: false,
        },
    }
}

pub(super) fn check_url(url: &str) -> Result<(), String> {
    url.parse::<DynamoUrl>().map(drop)
}

fn settings(url: &str, migrate: bool) -> anyhow::Result<DynamoSettings> {
    let url = url.parse();
    let url = url.map_err(|fault: String| anyhow!("the URL of the database {fault}"))?;
    Ok(DynamoSettings { url, migrate })
}
