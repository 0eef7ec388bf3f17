//! How one connection is made: to the first host that takes writes, within its time, and told what
//! every connection is told.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, raw_sql};
use tokio::time::{Instant, timeout};

use crate::dialect::{self, Dialect};
use crate::error::ConnectError;
use crate::hosts::Host;
use crate::sqlite_file::IfMissing;
use crate::{Limits, SqlSettings};

/// The hosts of a URL, in their order.
pub(crate) struct Servers {
    pub(crate) dialect: Dialect,
    pub(crate) hosts: Vec<Host>,
    pub(crate) limits: Limits,
    if_missing: IfMissing,
    /// The one that took writes when last looked at.
    latest: AtomicUsize,
}

impl Servers {
    /// Reads the URL and speaks to nobody.
    pub(crate) fn of(settings: &SqlSettings, if_missing: IfMissing) -> Result<Self, ConnectError> {
        let (dialect, hosts) = read(&settings.url)?;
        sqlx::any::install_default_drivers();
        Ok(Self {
            dialect,
            hosts,
            limits: settings.limits(),
            if_missing,
            latest: AtomicUsize::new(0),
        })
    }

    /// The host that connections went to last.
    pub(crate) fn latest(&self) -> &Host {
        &self.hosts[self.latest.load(Ordering::Relaxed)]
    }

    /// Connects to the first host that takes writes, beginning with the one that did last time. A
    /// host that is alone is taken as it is: it may still be read.
    pub(crate) async fn connect(&self, until: Instant) -> Result<AnyConnection, ConnectError> {
        let count = self.hosts.len();
        let each = self.limits.connect / u32::try_from(count).unwrap_or(u32::MAX);
        let latest = self.latest.load(Ordering::Relaxed);
        let mut failed = Vec::new();
        for number in (latest..count).chain(0..latest) {
            let host = &self.hosts[number];
            let left = until.saturating_duration_since(Instant::now());
            let (connection, is_read_only) = match self.connect_to(host, each.min(left)).await {
                Ok(connected) => connected,
                Err(error) => {
                    failed.push(error);
                    continue;
                }
            };
            if is_read_only && count > 1 {
                failed.push(ConnectError::ReadOnly {
                    server: host.name.clone(),
                });
                continue;
            }
            if self.latest.swap(number, Ordering::Relaxed) != number {
                tracing::warn!(
                    database.host = host.name,
                    "the database is at another host now"
                );
            }
            return Ok(connection);
        }
        match failed.len() {
            1 => Err(failed.remove(0)),
            _ => Err(ConnectError::NoHost(failed)),
        }
    }

    /// One connection to that host, ready to be used, and whether it can only be read.
    async fn connect_to(
        &self,
        host: &Host,
        within: Duration,
    ) -> Result<(AnyConnection, bool), ConnectError> {
        let url = self.dialect.driver_url(&host.url, self.if_missing)?;
        let made = timeout(within, async {
            let mut connection = AnyConnection::connect(&url).await?;
            let is_read_only = self.greet(&mut connection).await?;
            Ok((connection, is_read_only))
        });
        let made = made.await.unwrap_or_else(|_| Err(too_late(within)));
        made.map_err(|source| ConnectError::of(self.dialect, host, source))
    }

    /// Tells a new connection what all are told, and asks whether writes are taken, in one go.
    async fn greet(&self, connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
        let session = self.dialect.session(self.limits);
        let Some(question) = self.dialect.is_read_only() else {
            raw_sql(AssertSqlSafe(session)).execute(connection).await?;
            return Ok(false);
        };
        let script = raw_sql(AssertSqlSafe(session + question));
        let rows = script.fetch_all(connection).await?;
        rows.last().map_or(Ok(false), read_only)
    }
}

/// Whether a URL can be meant; looks at it alone, and shows nothing of it that may be secret.
pub fn check_url(url: &str) -> Result<(), ConnectError> {
    read(url).map(|_| ())
}

fn read(url: &str) -> Result<(Dialect, Vec<Host>), ConnectError> {
    let dialect = Dialect::of_url(url).ok_or(ConnectError::Scheme)?;
    let hosts = dialect.hosts(url)?;
    dialect::check_parameters(dialect, url)?;
    Ok((dialect, hosts))
}

/// Reads the answer to [`Dialect::is_read_only`].
pub(crate) fn read_only(row: &AnyRow) -> Result<bool, sqlx::Error> {
    Ok(sqlx::Row::try_get::<i64, _>(row, "read_only")? != 0)
}

/// What stands for an answer that did not come.
pub(crate) fn too_late(within: Duration) -> sqlx::Error {
    let text = format!("no answer within {:.1} s", within.as_secs_f32());
    io::Error::new(io::ErrorKind::TimedOut, text).into()
}
