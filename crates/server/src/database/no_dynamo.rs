//! A build without DynamoDB.

use std::sync::Arc;

use anyhow::bail;
use doorward_domain::diagnostics::{DatabaseDiagnostics, Diagnostic, MigrationStatus};
use doorward_domain::keys::CounterKeys;
use doorward_domain::limits::RateLimits;
use doorward_domain::sessions::SeparateSessions;
use doorward_domain::store::Store;

const MISSING: &str = "this build of Doorward has no DynamoDB: use a released binary or image, or build it with `cargo build --release --features aws`";

/// There is none.
pub(super) enum Counters {}

impl Counters {
    pub(super) fn open(&self, _: CounterKeys) -> (Arc<dyn SeparateSessions>, Arc<dyn RateLimits>) {
        match *self {}
    }
}

pub(super) async fn open(_: &str, _: bool) -> anyhow::Result<(Arc<dyn Store>, Counters)> {
    bail!(MISSING)
}

pub(super) async fn migrate(_: &str) -> anyhow::Result<Vec<MigrationStatus>> {
    bail!(MISSING)
}

pub(super) async fn status(_: &str) -> anyhow::Result<Vec<MigrationStatus>> {
    bail!(MISSING)
}

pub(super) async fn diagnose(_: &str, _: bool) -> DatabaseDiagnostics {
    let hint = "use another build, or another `database.url`";
    DatabaseDiagnostics {
        diagnostics: vec![Diagnostic::failed("database", MISSING, hint)],
        is_usable: false,
    }
}

pub(super) fn check_url(_: &str) -> Result<(), String> {
    Err(MISSING.to_owned())
}
