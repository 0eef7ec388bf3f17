//! Checks of the table for `doorward doctor`. Changes nothing.

use doorward_domain::diagnostics::{DatabaseDiagnostics, Diagnostic};
use doorward_domain::error::chain;
use doorward_domain::store::StoreError;

use crate::client::Connection;
use crate::schema::{self, OpenError};
use crate::url::DynamoSettings;

const REACHABILITY: &str = "database";
const SCHEMA: &str = "database: schema";
const TIME_TO_LIVE: &str = "database: time to live";
const RECOVERY: &str = "database: backups";

/// Checks that the table can be reached, and its settings.
pub async fn diagnose(settings: &DynamoSettings) -> DatabaseDiagnostics {
    let connection = Connection::open(&settings.url).await;
    let (region, name) = (&settings.url.region, &settings.url.table);
    let mut diagnostics = Vec::new();
    let is_usable = match schema::check(&connection).await {
        Ok(()) => {
            let message = format!("DynamoDB table {name} in {region}");
            diagnostics.push(Diagnostic::passed(REACHABILITY, message));
            diagnostics.push(Diagnostic::passed(SCHEMA, "the table has all its indexes"));
            true
        }
        Err(error @ OpenError::Request(_)) => {
            let hint = "check the region, the permissions of the role, the credentials and the clock of this machine";
            diagnostics.push(Diagnostic::failed(REACHABILITY, chain(&error), hint));
            return DatabaseDiagnostics {
                diagnostics,
                is_usable: false,
            };
        }
        Err(error) => {
            let message = error.to_string();
            diagnostics.push(match settings.migrate {
                true => Diagnostic::warning(SCHEMA, message, "the next start creates it"),
                false => Diagnostic::failed(SCHEMA, message, "run `doorward migrate`"),
            });
            false
        }
    };
    if is_usable {
        diagnostics.push(setting(
            TIME_TO_LIVE,
            schema::has_time_to_live(&connection).await,
            "expired sessions and counters are never deleted",
        ));
        diagnostics.push(setting(
            RECOVERY,
            schema::has_recovery(&connection).await,
            "point-in-time recovery is off: a mistake cannot be undone",
        ));
    }
    DatabaseDiagnostics {
        diagnostics,
        is_usable,
    }
}

fn setting(check: &'static str, is_on: Result<bool, StoreError>, off: &str) -> Diagnostic {
    match is_on {
        Ok(true) => Diagnostic::passed(check, "on"),
        Ok(false) => Diagnostic::warning(check, off, "run `doorward migrate`"),
        Err(error) => Diagnostic::warning(check, chain(&error), "grant the role this action"),
    }
}
