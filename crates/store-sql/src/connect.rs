//! Opening a database: one connection, the checks at start, and the schema.

use std::io;
use std::time::Duration;

use doorward_domain::diagnostics::MigrationStatus;
use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Connection, Decode, Row, SqlSafeStr, Type, raw_sql};
use tokio::time::timeout;

use crate::database_url::DatabaseUrl;
use crate::dialect::Dialect;
use crate::error::ConnectError;
use crate::migrations;
use crate::settings::SqlSettings;
use crate::sqlite_file::MissingFile;
use crate::timeouts::Timeouts;

/// Opens one connection and sets its session up.
pub(crate) async fn connect(
    url: &DatabaseUrl,
    missing: MissingFile,
    timeouts: Timeouts,
) -> Result<AnyConnection, ConnectError> {
    sqlx::any::install_default_drivers();
    let driver_url = url.driver_url(missing)?;
    let connected = async {
        let mut connection = AnyConnection::connect(&driver_url).await?;
        let setup = raw_sql(AssertSqlSafe(url.dialect.session_setup(timeouts)));
        setup.execute(&mut connection).await?;
        Ok(connection)
    };
    let connected: Result<_, sqlx::Error> = connected.await;
    connected.map_err(|error| ConnectError::from_sqlx(url, error))
}

/// Status of all migrations. Creates no file and no table.
pub async fn migration_status(
    settings: &SqlSettings,
) -> Result<Vec<MigrationStatus>, ConnectError> {
    let mut setup = SetupConnection::open_read_only(settings).await?;
    let status = setup.status().await;
    setup.close().await;
    status
}

/// Applies the pending migrations under a lock, and returns them.
pub async fn migrate(
    settings: &SqlSettings,
    now: Timestamp,
) -> Result<Vec<MigrationStatus>, ConnectError> {
    let mut setup = SetupConnection::open(settings, MissingFile::Create).await?;
    setup.check().await?;
    let before = setup.status().await?;
    setup.migrate(now).await?;
    let after = setup.status().await?;
    setup.close().await;
    let is_new = |status: &MigrationStatus| status.applied_at.is_some() && !before.contains(status);
    Ok(after.into_iter().filter(is_new).collect())
}

/// A connection outside the pool, for the checks at start, migrations and `doorward doctor`.
pub(crate) struct SetupConnection {
    pub(crate) url: DatabaseUrl,
    pub(crate) connection: AnyConnection,
    timeouts: Timeouts,
}

impl SetupConnection {
    pub(crate) async fn open(
        settings: &SqlSettings,
        missing: MissingFile,
    ) -> Result<Self, ConnectError> {
        let mut setup = Self::connect(settings, missing).await?;
        if let Some(sql) = setup.dialect().database_setup() {
            let result = raw_sql(sql).execute(&mut setup.connection).await;
            setup.map_error(result)?;
        }
        Ok(setup)
    }

    /// Changes nothing: creates no file and sets no persistent option.
    pub(crate) async fn open_read_only(settings: &SqlSettings) -> Result<Self, ConnectError> {
        Self::connect(settings, MissingFile::Fail).await
    }

    async fn connect(settings: &SqlSettings, missing: MissingFile) -> Result<Self, ConnectError> {
        let url = DatabaseUrl::parse(&settings.url)?;
        let timeouts = settings.timeouts();
        let connected = timeout(timeouts.connect, connect(&url, missing, timeouts)).await;
        let connection = connected.unwrap_or_else(|_| {
            let error = timeout_error(timeouts.connect);
            Err(ConnectError::from_sqlx(&url, error))
        })?;
        Ok(Self {
            url,
            connection,
            timeouts,
        })
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.url.dialect
    }

    /// Checks the server's version and encoding, and that it accepts writes.
    pub(crate) async fn check(&mut self) -> Result<(), ConnectError> {
        let server = self.url.display.clone();
        if let Some(row) = self.query_optional(self.dialect().version()).await? {
            let version: String = self.read(&row, "version")?;
            let (name, oldest) = self.dialect().min_version(&version);
            if numbers(&version) < oldest {
                let [major, minor] = oldest;
                return Err(ConnectError::TooOld {
                    server,
                    name,
                    found: version,
                    needed: format!("{major}.{minor}"),
                });
            }
            let encoding: String = self.read(&row, "encoding")?;
            if encoding != "UTF8" {
                return Err(ConnectError::Encoding {
                    server,
                    found: encoding,
                    database: self.url.database.clone(),
                });
            }
        }
        let read_only: Option<i64> = self.value(self.dialect().is_read_only(), 0).await;
        match read_only {
            None | Some(0) => Ok(()),
            Some(_) => Err(ConnectError::ReadOnly { server }),
        }
    }

    /// Skips what cannot be queried.
    pub(crate) async fn log_weaknesses(&mut self) {
        let host = self.url.display.clone();
        let hint = self.dialect().weakness().hint;
        for weak in self.weaknesses().await {
            tracing::warn!(
                database.host = host,
                "database setting {weak} risks data loss: {hint}"
            );
        }
        if self.is_unencrypted().await {
            let parameter = self.dialect().verify_parameter();
            tracing::warn!(
                database.host = host,
                "database connection not encrypted. Add ?{parameter} to the URL"
            );
        }
    }

    /// The settings with which the database may lose confirmed writes.
    pub(crate) async fn weaknesses(&mut self) -> Vec<String> {
        let question = self.dialect().weakness().question;
        let rows = self.rows(question).await.unwrap_or_default();
        rows.iter().filter_map(|row| row.try_get(0).ok()).collect()
    }

    /// Returns `true` if the connection leaves this machine without encryption.
    pub(crate) async fn is_unencrypted(&mut self) -> bool {
        if !self.url.is_remote || self.url.requires_tls {
            return false;
        }
        let cipher: Option<String> = self.value(self.dialect().cipher(), 1).await;
        cipher.is_some_and(|cipher| cipher.is_empty())
    }

    /// The server's name and version, for `doorward doctor`.
    pub(crate) async fn description(&mut self) -> String {
        let host = self.url.display.clone();
        let Some(version) = self.value::<String>(self.dialect().version(), 0).await else {
            return format!("connected to {host}");
        };
        let (name, _) = self.dialect().min_version(&version);
        format!("{name} {version} at {host} responds and takes writes")
    }

    /// One value of the only row of a query; `None` if the server does not support the query.
    pub(crate) async fn value<T>(
        &mut self,
        question: Option<&'static str>,
        column: usize,
    ) -> Option<T>
    where
        T: for<'r> Decode<'r, Any> + Type<Any>,
    {
        let row = self.query_optional(question).await.ok().flatten()?;
        row.try_get(column).ok()
    }

    pub(crate) async fn status(&mut self) -> Result<Vec<MigrationStatus>, ConnectError> {
        let limit = self.timeouts.operation();
        let status = migrations::status(&mut self.connection, self.url.dialect);
        let status = timeout(limit, status).await;
        self.map_error(status.unwrap_or_else(|_| Err(timeout_error(limit))))
    }

    pub(crate) async fn migrate(&mut self, now: Timestamp) -> Result<(), ConnectError> {
        migrations::run(&mut self.connection, &self.url, now).await
    }

    /// One row, if the dialect has that query.
    pub(crate) async fn query_optional(
        &mut self,
        question: Option<&'static str>,
    ) -> Result<Option<AnyRow>, ConnectError> {
        let Some(question) = question else {
            return Ok(None);
        };
        Ok(self.rows(question).await?.pop())
    }

    async fn rows(&mut self, question: impl SqlSafeStr) -> Result<Vec<AnyRow>, ConnectError> {
        let rows = self.fetch_all(question).await;
        self.map_error(rows)
    }

    pub(crate) async fn fetch_all(
        &mut self,
        sql: impl SqlSafeStr,
    ) -> Result<Vec<AnyRow>, sqlx::Error> {
        let limit = self.timeouts.operation();
        let rows = timeout(limit, raw_sql(sql).fetch_all(&mut self.connection)).await;
        rows.unwrap_or_else(|_| Err(timeout_error(limit)))
    }

    fn read(&self, row: &AnyRow, column: &'static str) -> Result<String, ConnectError> {
        self.map_error(row.try_get(column))
    }

    fn map_error<T>(&self, result: Result<T, sqlx::Error>) -> Result<T, ConnectError> {
        result.map_err(|error| ConnectError::from_sqlx(&self.url, error))
    }

    pub(crate) async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "failed to close the setup connection");
        }
    }
}

fn timeout_error(limit: Duration) -> sqlx::Error {
    let text = format!("no response within {:.1} s", limit.as_secs_f32());
    io::Error::new(io::ErrorKind::TimedOut, text).into()
}

/// The first two numbers of a version.
fn numbers(version: &str) -> [u32; 2] {
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|part| part.parse().ok());
    [numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsupported_version_is_detected() {
        for (dialect, version, is_supported) in [
            (Dialect::Postgres, "15.18 (Debian 15.18-0+deb12u1)", true),
            (Dialect::Postgres, "13.0", true),
            (Dialect::Postgres, "12.22", false),
            (Dialect::Postgres, "17beta1", true),
            (Dialect::Mysql, "8.0.36-0ubuntu0.22.04.1", true),
            (Dialect::Mysql, "8.0.11-TiDB-v7.5.0", true),
            (Dialect::Mysql, "5.7.44-log", false),
            (Dialect::Mysql, "10.6.0-MariaDB", true),
            (Dialect::Mysql, "11.4.2-MariaDB-ubu2404", true),
            (
                Dialect::Mysql,
                "10.5.23-MariaDB-1:10.5.23+maria~deb11",
                false,
            ),
        ] {
            let (_, oldest) = dialect.min_version(version);
            assert_eq!(numbers(version) >= oldest, is_supported, "{version}");
        }
    }
}
