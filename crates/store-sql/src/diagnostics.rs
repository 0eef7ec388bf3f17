//! Checks of the database for `doorward doctor`. Changes nothing.

use std::io::ErrorKind;
use std::time::Duration;

use doorward_domain::clock::Clock;
use doorward_domain::diagnostics::{DatabaseDiagnostics, Diagnostic};
use jiff::Timestamp;
use sqlx::Row;

use crate::connect::SetupConnection;
use crate::error::ConnectError;
use crate::migrations;
use crate::settings::SqlSettings;

const REACHABILITY: &str = "database";
const PRIVILEGES: &str = "database: privileges";
const SCHEMA: &str = "database: schema";
const TLS: &str = "database: TLS";
const CLOCK: &str = "database: clock";
const DURABILITY: &str = "database: durability";
const CONNECTIONS: &str = "database: connections";

/// A larger difference between two clocks is a warning: nodes use the server's.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(5);

/// Checks the database.
pub async fn diagnose(settings: &SqlSettings, clock: &dyn Clock) -> DatabaseDiagnostics {
    let mut setup = match SetupConnection::open_read_only(settings).await {
        Ok(setup) => setup,
        Err(error) => {
            return DatabaseDiagnostics {
                diagnostics: vec![unusable(&error)],
                is_usable: false,
            };
        }
    };
    let checked = setup.check().await;
    let is_usable = checked.is_ok();
    let mut diagnostics = vec![match checked {
        Ok(()) => Diagnostic::passed(REACHABILITY, setup.description().await),
        Err(error) => unusable(&error),
    }];
    diagnostics.extend(schema(&mut setup, settings).await);
    diagnostics.extend(tls(&mut setup).await);
    diagnostics.extend(clocks(&mut setup, clock).await);
    diagnostics.extend(connections(&mut setup, settings).await);
    diagnostics.push(durability(&mut setup).await);
    setup.close().await;
    DatabaseDiagnostics {
        diagnostics,
        is_usable,
    }
}

fn unusable(error: &ConnectError) -> Diagnostic {
    if let ConnectError::File { path, source } = error
        && source.kind() == ErrorKind::NotFound
    {
        let message = format!("there is no database file {} yet", path.display());
        return Diagnostic::warning(REACHABILITY, message, "the first start creates it");
    }
    let hint = error.hint();
    let hint = hint.unwrap_or_else(|| "check the URL and the server's log".to_owned());
    Diagnostic::failed(REACHABILITY, error.message(), hint)
}

/// Checks that the schema is up to date; if not, whether this role can migrate it.
async fn schema(setup: &mut SetupConnection, settings: &SqlSettings) -> Vec<Diagnostic> {
    let status = setup.status().await;
    let error = match status.and_then(|status| migrations::check(&status)) {
        Ok(()) => {
            let mut diagnostics = vec![Diagnostic::passed(SCHEMA, "all migrations are applied")];
            diagnostics.extend(privileges(setup).await);
            return diagnostics;
        }
        Err(error) => error,
    };
    let ConnectError::PendingMigrations(names) = &error else {
        let hint = error.hint();
        let hint = hint.unwrap_or_else(|| "see the upgrade page".to_owned());
        return vec![Diagnostic::failed(SCHEMA, error.message(), hint)];
    };
    let message = format!("lacks the migrations {names}");
    let waits = match settings.migrate {
        true => Diagnostic::warning(SCHEMA, message, "the next start applies them"),
        false => Diagnostic::failed(SCHEMA, message, "run `doorward migrate`"),
    };
    let may = match setup.query_optional(setup.dialect().can_migrate()).await {
        Ok(row) => row.is_none_or(|row| row.try_get::<i64, _>("may").is_ok_and(|may| may != 0)),
        Err(error) => return vec![waits, unusable(&error)],
    };
    if may {
        return vec![waits];
    }
    let hint = "grant it the privilege, or migrate as a role that has it";
    let message = "this role may not create tables";
    vec![waits, Diagnostic::failed(PRIVILEGES, message, hint)]
}

/// Checks that this role has the privileges that serving needs.
async fn privileges(setup: &mut SetupConnection) -> Option<Diagnostic> {
    if !setup.dialect().has_privileges() {
        return None;
    }
    Some(match setup.check_privileges().await {
        Ok(()) => Diagnostic::passed(
            PRIVILEGES,
            "this role has all privileges that serving needs",
        ),
        Err(error) => {
            let hint = error.hint().unwrap_or_default();
            Diagnostic::failed(PRIVILEGES, error.message(), hint)
        }
    })
}

async fn tls(setup: &mut SetupConnection) -> Option<Diagnostic> {
    let cipher: String = setup.value(setup.dialect().cipher(), 1).await?;
    if !cipher.is_empty() {
        return Some(Diagnostic::passed(TLS, format!("encrypted with {cipher}")));
    }
    if !setup.url.is_remote {
        return Some(Diagnostic::passed(
            TLS,
            "not encrypted, and does not leave this machine",
        ));
    }
    let message = "the connection is not encrypted and leaves this machine";
    let hint = format!(
        "add ?{} to database.url",
        setup.dialect().verify_parameter()
    );
    Some(Diagnostic::warning(TLS, message, hint))
}

async fn clocks(setup: &mut SetupConnection, clock: &dyn Clock) -> Option<Diagnostic> {
    let micros: i64 = setup.value(setup.dialect().server_time(), 0).await?;
    let theirs = Timestamp::from_microsecond(micros).ok()?;
    let apart = theirs.duration_since(clock.now()).unsigned_abs();
    let seconds = apart.as_secs();
    if apart <= MAX_CLOCK_SKEW {
        return Some(Diagnostic::passed(CLOCK, "agrees with this machine's"));
    }
    let message = format!("the server's clock and this machine's differ by {seconds} s");
    Some(Diagnostic::warning(
        CLOCK,
        message,
        "synchronise both by NTP",
    ))
}

async fn connections(setup: &mut SetupConnection, settings: &SqlSettings) -> Option<Diagnostic> {
    let most: i64 = setup.value(setup.dialect().max_connections(), 0).await?;
    let ours = settings.max_connections;
    let message = format!("up to {ours} from this node; the server's limit is {most}");
    if i64::from(ours) * 2 <= most {
        return Some(Diagnostic::passed(CONNECTIONS, message));
    }
    let hint = "two nodes exceed the limit: raise the server's max_connections or lower `database.max_connections`";
    let diagnostic = match i64::from(ours) < most {
        true => Diagnostic::warning(CONNECTIONS, message, hint),
        false => Diagnostic::failed(CONNECTIONS, message, hint),
    };
    Some(diagnostic)
}

async fn durability(setup: &mut SetupConnection) -> Diagnostic {
    let weak = setup.weaknesses().await;
    if weak.is_empty() {
        return Diagnostic::passed(DURABILITY, "confirmed writes are on disk");
    }
    let hint = setup.dialect().weakness().hint;
    Diagnostic::warning(
        DURABILITY,
        format!("the database has {}", weak.join(", ")),
        hint,
    )
}
