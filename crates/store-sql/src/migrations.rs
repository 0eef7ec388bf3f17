//! The schema's migrations: the list, the state of a database, and applying pending ones.
//!
//! To add one: a script `NNNN_name.sql` in `migrations/`; the build finds it. A script is a list of statements,
//! each ending with `;` at the end of a line. Old nodes run beside new ones during an upgrade, so a migration only
//! *adds* (tables, columns with NULL or a default, indexes). A later release drops unused columns: the first line of
//! such a script is `-- compatible_with: N`, the oldest migration whose program can use the result. A script that has
//! landed is never edited.
//!
//! All pending migrations run under a lock, in one transaction if the database can roll back DDL.
//! MySQL cannot, so each statement is recorded before and after it runs. After a crash between the two,
//! the statement runs again, and "already exists" counts as success. Statements on rows must therefore
//! be idempotent.

use std::sync::LazyLock;

use doorward_domain::diagnostics::MigrationStatus;
use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _, raw_sql};

use crate::arg::{Arg, query};
use crate::columns;
use crate::database_url::DatabaseUrl;
use crate::dialect::{self, Dialect};
use crate::error::ConnectError;
use crate::hints::hint;

pub(crate) struct Migration {
    version: i64,
    name: &'static str,
    compatible_with: i64,
    pub(crate) script: &'static str,
}

/// The scripts, by number.
pub(crate) static MIGRATIONS: LazyLock<Vec<Migration>> = LazyLock::new(|| {
    let scripts: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
    let migration = |(file, script): &(&'static str, &'static str)| {
        let (version, name) = file.strip_suffix(".sql")?.split_once('_')?;
        let (first_line, _) = script.split_once('\n')?;
        let compatible_with = first_line.strip_prefix("-- compatible_with: ");
        Some(Migration {
            version: version.parse().ok()?,
            name,
            compatible_with: compatible_with.map_or(Ok(1), str::parse).ok()?,
            script,
        })
    };
    let migrations = scripts.iter().map(migration).collect::<Option<_>>();
    migrations.expect("each script is named NNNN_name.sql")
});

/// SHA-256 of each script that has landed, which is never edited: databases have run it. Add the line of a new script
/// with its commit.
#[cfg(test)]
const LANDED: &[(&str, &str)] = &[
    (
        "accounts",
        "1710861b76e65c5017ad085dca8a2d040ade7248a176227859be28a5745240c7",
    ),
    (
        "last_sign_ins",
        "6a983bfaedf7147bd67572b2859763ba2758f532b6cbc996b950f26c1631cf08",
    ),
    (
        "preferred_locale",
        "e94958ea9052809a59fff34dc4a5a6e93ceb4894bca06812f807804b5fc781e2",
    ),
    (
        "deletion",
        "1f91f339ba037b6144334411c0818d8b494bd4afc86256f92e6445b973f35428",
    ),
    (
        "invitations",
        "12c087dc5bee1d3afd43abcad38e8e0069f50dea80bfe03d93d88f7125426cf1",
    ),
    (
        "console",
        "9dcb72c293f6d0beb93c3186a86cbcb162afce2132c19311c348987a2bc60dca",
    ),
    (
        "filters",
        "910a9268ae68e8496a56577f7a040a5007571b59211934fae745950d9a6c81da",
    ),
    (
        "nodes",
        "585b77e5a7fddacc478a49c1a01cf5cbfc4a6992df98858b4a6ddcb9ff0f3207",
    ),
    (
        "filter_indexes",
        "ba8e1ff0bda09fe2003f61efa6b865cf7052648aa8653fc87fa338b4ff2cb552",
    ),
];

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
  version {int} NOT NULL,
  name {key} NOT NULL,
  compatible_with {int} NOT NULL,
  statements_begun {int} NOT NULL,
  statements_done {int} NOT NULL,
  applied_at {int},
  CONSTRAINT schema_migrations_pkey PRIMARY KEY (version)
){table}";

/// All migrations, those of a later version too, by number.
pub(crate) async fn status(
    connection: &mut AnyConnection,
    dialect: Dialect,
) -> Result<Vec<MigrationStatus>, sqlx::Error> {
    let mut all = history(connection, dialect).await?;
    for migration in MIGRATIONS.iter() {
        if !all.iter().any(|status| status.version == migration.version) {
            all.push(MigrationStatus {
                version: migration.version,
                name: migration.name.to_owned(),
                compatible_with: migration.compatible_with,
                applied_at: None,
            });
        }
    }
    all.sort_by_key(|status| status.version);
    Ok(all)
}

/// Checks that this program can work with a database in that state. Migrations of a later version are accepted if
/// they are marked compatible.
pub(crate) fn check(status: &[MigrationStatus]) -> Result<(), ConnectError> {
    if let Some(other) = status.iter().find(|status| is_unknown(status)) {
        return Err(ConnectError::UnknownSchema {
            version: other.version,
            name: other.name.clone(),
        });
    }
    let binary = MIGRATIONS.last().map_or(0, |migration| migration.version);
    let later = || status.iter().filter(|status| status.version > binary);
    if let Some(newest) = later().next_back() {
        let needed = later()
            .map(|status| status.compatible_with)
            .max()
            .unwrap_or(0);
        if needed > binary {
            return Err(ConnectError::SchemaTooNew {
                database: newest.version,
                binary,
            });
        }
        tracing::warn!(
            schema.database = newest.version,
            schema.binary = binary,
            "database schema is newer than this version, but marked compatible"
        );
    }
    let waiting = status
        .iter()
        .filter(|status| status.version <= binary && status.applied_at.is_none());
    let names: Vec<_> = waiting
        .map(|status| format!("{} ({})", status.version, status.name))
        .collect();
    match names.as_slice() {
        [] => Ok(()),
        names => Err(ConnectError::PendingMigrations(names.join(", "))),
    }
}

/// Returns `true` if the database has another migration of this number: a version before the first release made it.
fn is_unknown(status: &MigrationStatus) -> bool {
    let own = MIGRATIONS
        .iter()
        .find(|migration| migration.version == status.version);
    own.is_some_and(|own| own.name != status.name)
}

/// Applies pending migrations, unless a later version's migrations are not compatible.
pub(crate) async fn run(
    connection: &mut AnyConnection,
    url: &DatabaseUrl,
    now: Timestamp,
) -> Result<(), ConnectError> {
    let dialect = url.dialect;
    let from_sqlx = |error| ConnectError::from_sqlx(url, error);
    match check(&status(connection, dialect).await.map_err(from_sqlx)?) {
        Err(ConnectError::PendingMigrations(_)) => {}
        settled => return settled,
    }
    let mut transaction = dialect
        .begin_migration(connection)
        .await
        .map_err(from_sqlx)?;
    raw_sql(AssertSqlSafe(dialect.ddl(HISTORY)))
        .execute(&mut *transaction)
        .await
        .map_err(from_sqlx)?;
    let mut count = 0;
    for migration in MIGRATIONS.iter() {
        let applied = apply(&mut transaction, dialect, migration, now).await;
        let is_new = applied.map_err(|source| ConnectError::Migration {
            version: migration.version,
            name: migration.name,
            hint: hint(url, &source),
            source: Box::new(source),
        })?;
        count += u32::from(is_new);
    }
    transaction.commit().await.map_err(from_sqlx)?;
    let version = MIGRATIONS.last().map_or(0, |migration| migration.version);
    tracing::info!(count, schema.version = version, "applied migrations");
    Ok(())
}

/// Applies a migration. Returns `true` if it was pending.
async fn apply(
    connection: &mut AnyConnection,
    dialect: Dialect,
    migration: &Migration,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let (begun, done) = match state(connection, dialect, migration.version).await? {
        MigrationState::Applied => return Ok(false),
        MigrationState::Partial { begun, done } => (begun, done),
        MigrationState::Pending => {
            let sql = "INSERT INTO schema_migrations \
                (version, name, compatible_with, statements_begun, statements_done) VALUES (?, ?, ?, 0, 0)";
            let args = [
                migration.version.into(),
                migration.name.into(),
                migration.compatible_with.into(),
            ];
            query(dialect, sql, &args).execute(&mut *connection).await?;
            (0, 0)
        }
    };
    let script = dialect.ddl(migration.script);
    for (number, statement) in (1_i64..).zip(statements(&script)) {
        if number <= done {
            continue;
        }
        record_step(connection, dialect, "statements_begun", number, migration).await?;
        match raw_sql(AssertSqlSafe(statement))
            .execute(&mut *connection)
            .await
        {
            Ok(_) => {}
            Err(error) if number == begun && dialect::already_exists(&error) => {}
            Err(error) => {
                // A failed statement must not count as executed next time. If everything is rolled back, this may
                // fail too.
                record_step(
                    connection,
                    dialect,
                    "statements_begun",
                    number - 1,
                    migration,
                )
                .await
                .ok();
                return Err(error);
            }
        }
        record_step(connection, dialect, "statements_done", number, migration).await?;
    }
    record_step(
        connection,
        dialect,
        "applied_at",
        now.as_microsecond(),
        migration,
    )
    .await?;
    tracing::debug!(migration.version, migration.name, "applied migration");
    Ok(true)
}

enum MigrationState {
    Pending,
    Partial { begun: i64, done: i64 },
    Applied,
}

async fn state(
    connection: &mut AnyConnection,
    dialect: Dialect,
    version: i64,
) -> Result<MigrationState, sqlx::Error> {
    let sql = "SELECT statements_begun, statements_done, applied_at FROM schema_migrations WHERE version = ?";
    let row = query(dialect, sql, &[version.into()])
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else {
        return Ok(MigrationState::Pending);
    };
    let applied_at: Option<i64> = row.try_get("applied_at")?;
    if applied_at.is_some() {
        return Ok(MigrationState::Applied);
    }
    Ok(MigrationState::Partial {
        begun: row.try_get("statements_begun")?,
        done: row.try_get("statements_done")?,
    })
}

async fn record_step(
    connection: &mut AnyConnection,
    dialect: Dialect,
    column: &'static str,
    value: i64,
    migration: &Migration,
) -> Result<(), sqlx::Error> {
    let sql = format!("UPDATE schema_migrations SET {column} = ? WHERE version = ?");
    let args: [Arg<'_>; 2] = [value.into(), migration.version.into()];
    query(dialect, &sql, &args).execute(connection).await?;
    Ok(())
}

async fn history(
    connection: &mut AnyConnection,
    dialect: Dialect,
) -> Result<Vec<MigrationStatus>, sqlx::Error> {
    let tables: i64 = sqlx::query(dialect.history_exists())
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
    if tables == 0 {
        return Ok(Vec::new());
    }
    let sql =
        "SELECT version, name, compatible_with, applied_at FROM schema_migrations ORDER BY version";
    let rows = query(dialect, sql, &[]).fetch_all(connection).await?;
    rows.iter().map(from_row).collect()
}

fn from_row(row: &AnyRow) -> Result<MigrationStatus, sqlx::Error> {
    let bad = |column: &str| sqlx::Error::Decode(format!("schema_migrations.{column}").into());
    let applied_at: Option<i64> = row.try_get("applied_at")?;
    let applied_at = applied_at.map(Timestamp::from_microsecond).transpose();
    Ok(MigrationStatus {
        version: row.try_get("version")?,
        name: columns::text(row, "name").ok_or_else(|| bad("name"))?,
        compatible_with: row.try_get("compatible_with")?,
        applied_at: applied_at.map_err(|_| bad("applied_at"))?,
    })
}

/// A script's statements, without its comments.
fn statements(script: &str) -> Vec<String> {
    let is_sql = |line: &&str| !line.trim_start().starts_with("--");
    let lines: Vec<_> = script.lines().filter(is_sql).collect();
    let parts = lines.join("\n");
    let texts = parts
        .split(";\n")
        .map(|text| text.trim().trim_end_matches(';').to_owned());
    texts.filter(|text| !text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_falls_into_its_statements() {
        let script =
            "-- why; how\nCREATE TABLE a (\n  b INT\n);\n\nCREATE INDEX a_b ON a (b);\n-- end\n";
        assert_eq!(
            statements(script),
            ["CREATE TABLE a (\n  b INT\n)", "CREATE INDEX a_b ON a (b)"]
        );
    }

    #[test]
    fn the_migrations_are_numbered_without_a_gap_and_none_asks_for_a_later_program() {
        for (number, migration) in (1..).zip(MIGRATIONS.iter()) {
            assert_eq!(migration.version, number);
            assert!(migration.compatible_with <= number, "{}", migration.name);
            assert!(!statements(migration.script).is_empty());
        }
    }

    #[test]
    fn a_script_that_has_landed_is_not_edited() {
        let found: Vec<_> = MIGRATIONS
            .iter()
            .map(|migration| (migration.name, digest(migration.script)))
            .collect();
        let found: Vec<_> = found.iter().map(|(name, hex)| (*name, &**hex)).collect();
        assert_eq!(
            found, LANDED,
            "write a new migration; its line is added to LANDED"
        );
    }

    /// SHA-256, in hexadecimal digits.
    fn digest(text: &str) -> String {
        let digest = doorward_domain::values::Digest::of(text.as_bytes());
        let digits = digest.as_bytes().iter().map(|byte| format!("{byte:02x}"));
        digits.collect()
    }

    #[test]
    fn an_index_is_named_after_its_columns() {
        for line in MIGRATIONS
            .iter()
            .flat_map(|migration| migration.script.lines())
        {
            let Some((name, rest)) = line.split_once(" ON ").filter(|_| line.contains("INDEX "))
            else {
                continue;
            };
            let name = name.rsplit(' ').next().unwrap();
            let (table, columns) = rest.trim_end_matches(");").split_once(" (").unwrap();
            let columns: Vec<&str> = columns.split(", ").collect();
            let named = |columns: &[&str]| format!("{table}_{}", columns.join("_"));
            // The key at the end orders rows with the same values.
            let without_key = &columns[..columns.len() - 1];
            assert!(
                name == named(&columns) || name == named(without_key),
                "{name}"
            );
        }
    }
}
