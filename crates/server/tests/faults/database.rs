//! The databases, and a server on one of them.

use std::ops::Deref;
use std::time::{Duration, Instant};

use doorward_testkit::servers::{
    ConnectionHog, DedicatedMariadb, DedicatedPostgres, DedicatedServer, MariadbOptions,
    PostgresOptions, dedicated_mariadb, dedicated_postgres,
};
use doorward_testkit::wait::TEST_TIMEOUT;

use crate::client::{Client, PASSWORD};
use crate::server::Setup;

/// A separate database server, of either kind.
pub enum Database {
    Postgres(DedicatedPostgres),
    Mariadb(DedicatedMariadb),
}

impl Deref for Database {
    type Target = DedicatedServer;

    fn deref(&self) -> &DedicatedServer {
        match self {
            Self::Postgres(server) => server,
            Self::Mariadb(server) => server,
        }
    }
}

impl Database {
    pub async fn postgres() -> Self {
        Self::Postgres(dedicated_postgres(PostgresOptions::default()).await)
    }

    pub async fn mariadb() -> Self {
        Self::Mariadb(dedicated_mariadb(MariadbOptions::default()).await)
    }

    /// Takes all its connections, after those of clients that were cut off have ended: one that ended later would leave
    /// a free one.
    pub async fn fill(&self) -> ConnectionHog {
        let deadline = Instant::now() + TEST_TIMEOUT;
        while self.connections().await != "0" {
            assert!(Instant::now() < deadline, "a client stays connected");
        }
        match self {
            Self::Postgres(server) => server.fill().await,
            Self::Mariadb(server) => server.fill().await,
        }
    }

    /// Number of connections of the server's user.
    async fn connections(&self) -> String {
        let count = |list, name| format!("SELECT COUNT(*) FROM {list} WHERE {name} = 'doorward'");
        match self {
            Self::Postgres(server) => server.query(&count("pg_stat_activity", "usename")).await,
            Self::Mariadb(server) => {
                let list = "information_schema.processlist";
                server.query(&count(list, "user")).await
            }
        }
    }

    /// Rejects writes, like a primary that became a replica, or accepts them again.
    pub async fn set_read_only(&self, value: &str) {
        match self {
            Self::Postgres(server) => {
                let sql = format!(
                    "ALTER SYSTEM SET default_transaction_read_only = {value}; SELECT pg_reload_conf()"
                );
                server.query(&sql).await;
            }
            Self::Mariadb(server) => {
                server
                    .query(&format!("SET GLOBAL read_only = {value}"))
                    .await;
            }
        }
    }

    pub fn url(&self) -> String {
        match self {
            Self::Postgres(server) => server.url(),
            Self::Mariadb(server) => server.url(),
        }
    }
}

/// Doorward on that database.
pub fn setup(url: &str) -> Setup {
    Setup::new(PASSWORD).with("DATABASE_URL", url)
}

/// [`setup`] with shorter timeouts, for tests that would only wait.
pub fn short_timeout_setup(url: &str) -> Setup {
    setup(url)
        .with("DOORWARD_DATABASE__CONNECT_TIMEOUT_SECONDS", "2")
        .with("DOORWARD_DATABASE__STATEMENT_TIMEOUT_SECONDS", "3")
}

/// Waits until the server is ready. Returns the time it took.
#[track_caller]
pub fn assert_recovers(client: Client) -> Duration {
    let started = Instant::now();
    loop {
        let reply = client.send("GET", "/readyz", None, None).unwrap();
        if reply.status == 200 {
            return started.elapsed();
        }
        assert!(
            started.elapsed() < TEST_TIMEOUT,
            "it does not recover: {reply:?}"
        );
        std::thread::park_timeout(Duration::from_millis(50));
    }
}
