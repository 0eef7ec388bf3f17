//! Opening a database: whether it will do, the schema, and what should be said in the log.
//!
//! The first connection is made by hand and closed again: it may migrate, and it looks at the server.

use std::sync::Arc;

use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Connection, Decode, Row, SqlSafeStr, Type, raw_sql};
use tokio::time::{Instant, timeout};

use crate::dialect::{self, Dialect};
use crate::error::ConnectError;
use crate::hosts::{self, Host};
use crate::migrations::{self, MigrationStatus};
use crate::pool::Pool;
use crate::servers::{Servers, read_only, too_late};
use crate::sqlite_file::IfMissing;
use crate::{SqlSettings, SqlStore};

impl SqlStore {
    /// Connects, makes SQLite's file and the schema where they are missing, and says in the log
    /// what is weak about the database. `now` is noted with each migration that is made.
    pub async fn connect(settings: &SqlSettings, now: Timestamp) -> Result<Self, ConnectError> {
        let mut first = First::connect(settings, IfMissing::Create).await?;
        first.check().await?;
        if settings.migrate {
            first.migrate(now).await?;
        }
        let status = first.status().await?;
        migrations::check(&status)?;
        first.check_rights().await?;
        first.warn().await;
        first.close().await;

        let servers = Servers::of(settings, IfMissing::Fail)?;
        let dialect = servers.dialect;
        Ok(Self {
            pool: Pool::new(servers, settings.max_connections)?,
            dialect,
            turn: dialect.has_one_writer().then(Default::default),
            unreadable: Arc::default(),
        })
    }
}

/// Which migrations the database has, and which it lacks. Makes no file and no table.
pub async fn migration_status(
    settings: &SqlSettings,
) -> Result<Vec<MigrationStatus>, ConnectError> {
    let mut first = First::look(settings).await?;
    let status = first.status().await;
    first.close().await;
    status
}

/// Makes the migrations that the database lacks, alone in line; which those were.
pub async fn migrate(
    settings: &SqlSettings,
    now: Timestamp,
) -> Result<Vec<MigrationStatus>, ConnectError> {
    let mut first = First::connect(settings, IfMissing::Create).await?;
    first.check().await?;
    let before = first.status().await?;
    first.migrate(now).await?;
    let after = first.status().await?;
    first.close().await;
    let is_new = |status: &MigrationStatus| status.applied_at.is_some() && !before.contains(status);
    Ok(after.into_iter().filter(is_new).collect())
}

/// The first connection.
pub(crate) struct First {
    pub(crate) servers: Servers,
    pub(crate) connection: AnyConnection,
}

impl First {
    pub(crate) async fn connect(
        settings: &SqlSettings,
        if_missing: IfMissing,
    ) -> Result<Self, ConnectError> {
        let mut first = Self::connect_to(Servers::of(settings, if_missing)?).await?;
        if let Some(sql) = first.dialect().database() {
            let told = raw_sql(sql).execute(&mut first.connection).await;
            first.told(told)?;
        }
        Ok(first)
    }

    /// A connection that changes nothing.
    pub(crate) async fn look(settings: &SqlSettings) -> Result<Self, ConnectError> {
        Self::connect_to(Servers::of(settings, IfMissing::Fail)?).await
    }

    async fn connect_to(servers: Servers) -> Result<Self, ConnectError> {
        let until = Instant::now() + servers.limits.connect;
        let connection = servers.connect(until).await?;
        Ok(Self {
            servers,
            connection,
        })
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.servers.dialect
    }

    pub(crate) fn host(&self) -> &Host {
        self.servers.latest()
    }

    /// Whether the server will do: its age, its encoding, and that it takes writes.
    pub(crate) async fn check(&mut self) -> Result<(), ConnectError> {
        let server = self.host().name.clone();
        if let Some(row) = self.ask(self.dialect().version()).await? {
            let version: String = self.read(&row, "version")?;
            let (name, oldest) = self.dialect().oldest(&version);
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
                let (_, database) = hosts::user_and_database(&self.host().url);
                return Err(ConnectError::Encoding {
                    server,
                    found: encoding,
                    database,
                });
            }
        }
        match self.ask(self.dialect().is_read_only()).await? {
            Some(row) if self.told(read_only(&row))? => Err(ConnectError::ReadOnly { server }),
            _ => Ok(()),
        }
    }

    /// Says in the log what is weak about the database. What cannot be asked is passed over.
    async fn warn(&mut self) {
        let host = self.host().name.clone();
        for weak in self.weaknesses().await {
            let mend = self.dialect().weakness().mend;
            tracing::warn!(database.host = host, "the database has {weak}: {mend}");
        }
        if self.is_in_the_open().await {
            let parameter = self.dialect().verified();
            tracing::warn!(
                database.host = host,
                "the connection to the database is not encrypted: add ?{parameter} to its URL"
            );
        }
    }

    /// The settings under which the database may lose what it has answered.
    pub(crate) async fn weaknesses(&mut self) -> Vec<String> {
        let question = self.dialect().weakness().question;
        let rows = self.rows(question).await.unwrap_or_default();
        rows.iter().filter_map(|row| row.try_get(0).ok()).collect()
    }

    /// What somebody has put on our tables, by name.
    pub(crate) async fn triggers(&mut self) -> Result<Vec<String>, ConnectError> {
        let question = AssertSqlSafe(self.dialect().triggers());
        let rows = self.rows(question).await?;
        rows.iter().map(|row| self.read(row, "name")).collect()
    }

    /// Whether the way to the database leaves this machine and can be listened to.
    pub(crate) async fn is_in_the_open(&mut self) -> bool {
        let host = self.host();
        if !host.is_remote || dialect::demands_tls(self.dialect(), &host.url) {
            return false;
        }
        let cipher: Option<String> = self.value(self.dialect().cipher(), 1).await;
        cipher.is_some_and(|cipher| cipher.is_empty())
    }

    /// What the server is, in a few words.
    pub(crate) async fn description(&mut self) -> String {
        let host = self.host().name.clone();
        let Some(version) = self.value::<String>(self.dialect().version(), 0).await else {
            return format!("can be opened: {host}");
        };
        let (name, _) = self.dialect().oldest(&version);
        format!("{name} {version} answers at {host}, and takes writes")
    }

    /// One value of the one row that answers a question; none where the server does not know it.
    pub(crate) async fn value<T>(
        &mut self,
        question: Option<&'static str>,
        column: usize,
    ) -> Option<T>
    where
        T: for<'r> Decode<'r, Any> + Type<Any>,
    {
        let row = self.ask(question).await.ok().flatten()?;
        row.try_get(column).ok()
    }

    pub(crate) async fn status(&mut self) -> Result<Vec<MigrationStatus>, ConnectError> {
        let within = self.servers.limits.operation();
        let status = migrations::status(&mut self.connection, self.servers.dialect);
        let status = timeout(within, status).await;
        self.told(status.unwrap_or_else(|_| Err(too_late(within))))
    }

    async fn migrate(&mut self, now: Timestamp) -> Result<(), ConnectError> {
        let host = self.servers.latest();
        migrations::run(&mut self.connection, self.servers.dialect, host, now).await
    }

    /// One row, where the dialect has that question.
    pub(crate) async fn ask(
        &mut self,
        question: Option<&'static str>,
    ) -> Result<Option<AnyRow>, ConnectError> {
        let Some(question) = question else {
            return Ok(None);
        };
        Ok(self.rows(question).await?.pop())
    }

    async fn rows(&mut self, question: impl SqlSafeStr) -> Result<Vec<AnyRow>, ConnectError> {
        let within = self.servers.limits.statement;
        let rows = timeout(within, raw_sql(question).fetch_all(&mut self.connection)).await;
        self.told(rows.unwrap_or_else(|_| Err(too_late(within))))
    }

    fn read(&self, row: &AnyRow, column: &'static str) -> Result<String, ConnectError> {
        self.told(row.try_get(column))
    }

    fn told<T>(&self, result: Result<T, sqlx::Error>) -> Result<T, ConnectError> {
        result.map_err(|error| ConnectError::of(self.dialect(), self.host(), error))
    }

    pub(crate) async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "the first database connection did not close cleanly");
        }
    }
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
    fn an_old_server_is_known_by_its_version() {
        for (dialect, version, will_do) in [
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
            let (_, oldest) = dialect.oldest(version);
            assert_eq!(numbers(version) >= oldest, will_do, "{version}");
        }
    }
}
