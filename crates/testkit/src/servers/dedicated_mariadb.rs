//! A MariaDB for one test.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::certificates::Certificate;
use super::commands::{command_as, folder_for, install, run_with_input};
use super::dedicated::{ConnectionHog, DedicatedServer};
use super::mariadb::{USER, init, program};
use super::server::{Server, blocking};
use crate::port::Port;

/// Name of the database, and of the user that has all rights on it.
const NAME: &str = "doorward";

/// Options that differ from the defaults.
#[derive(Clone, Default)]
pub struct MariadbOptions {
    /// Settings as in its file, such as `max_connections=10` or `read_only=on`; the last value of a name counts.
    pub settings: Vec<&'static str>,
    /// Text after `CREATE DATABASE …`, such as `COLLATE latin1_german1_ci`.
    pub database: &'static str,
    /// The user's password; empty if not set.
    pub password: Option<&'static str>,
    /// Accepts only TLS, with this certificate.
    pub certificate: Option<Certificate>,
}

/// A running MariaDB with a database and a user `doorward`, which has all rights on it and no others.
#[derive(Clone)]
pub struct DedicatedMariadb {
    server: DedicatedServer,
    folder: PathBuf,
    options: MariadbOptions,
}

/// The operations of every server: stop, start …
impl Deref for DedicatedMariadb {
    type Target = DedicatedServer;

    fn deref(&self) -> &DedicatedServer {
        &self.server
    }
}

/// Starts a MariaDB for one test.
pub async fn dedicated_mariadb(options: MariadbOptions) -> DedicatedMariadb {
    let mariadb = blocking(move || {
        let folder = folder_for(USER);
        init(&folder);
        start(folder, options)
    })
    .await;
    let database = mariadb.options.database;
    let sql = format!("CREATE DATABASE {NAME} {database}");
    mariadb.ask("mysql", sql).await;
    mariadb.user(NAME, &format!("ALL ON {NAME}.*")).await;
    mariadb
}

impl DedicatedMariadb {
    /// The URL of the database, for the user that owns it.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_as(NAME)
    }

    /// The URL of the database for this user, with the password of the options.
    #[must_use]
    pub fn url_as(&self, user: &str) -> String {
        let password = self.options.password;
        let password = password.map_or(String::new(), |password| format!(":{password}"));
        format!("mysql://{user}{password}@{}/{NAME}", self.address())
    }

    /// Creates a user with the rights in `grants`, such as `SELECT ON doorward.*`. Returns its URL.
    pub async fn user(&self, name: &str, grants: &str) -> String {
        let password = self.options.password.unwrap_or_default();
        let tls = self.options.certificate.as_ref().map_or("NONE", |_| "SSL");
        let sql = format!(
            "CREATE USER {name}@'%' IDENTIFIED BY '{password}' REQUIRE {tls}; GRANT {grants} TO {name}@'%'"
        );
        self.query(&sql).await;
        self.url_as(name)
    }

    /// Runs SQL as root, even if all connections are in use. Returns the fields, separated by tabs.
    pub async fn query(&self, sql: &str) -> String {
        self.ask(NAME, sql.to_owned()).await
    }

    /// Uses up all connections for users that are not superusers.
    pub async fn fill(&self) -> ConnectionHog {
        let (folder, password) = (self.folder.clone(), self.options.password);
        let guest = move || {
            let mut guest = client("mariadb", &folder);
            guest.args(["--batch", "--skip-column-names", "--unbuffered", NAME]);
            guest.arg(format!("--user={NAME}"));
            guest.arg(format!("--password={}", password.unwrap_or_default()));
            guest
        };
        self.act(|_| ConnectionHog::of(guest)).await
    }

    async fn ask(&self, database: &'static str, sql: String) -> String {
        let mut client = client("mariadb", &self.folder);
        client
            .args(["--batch", "--skip-column-names"])
            .arg(database);
        self.act(move |_| run_with_input(&mut client, &sql)).await
    }
}

fn start(folder: PathBuf, options: MariadbOptions) -> DedicatedMariadb {
    let port = Port::free();
    let mut server = command_as(USER, &program("mariadbd"));
    server.args(["--no-defaults", "--bind-address=127.0.0.1"]);
    server.args(["--skip-name-resolve", "--skip-log-bin"]);
    server.args([
        "--innodb-buffer-pool-size=64M",
        "--innodb-log-file-size=16M",
    ]);
    server.arg(format!("--port={}", port.number));
    for (setting, file) in [
        ("datadir", "data"),
        ("tmpdir", "."),
        ("socket", "socket"),
        ("pid-file", "pid"),
    ] {
        server.arg(format!("--{setting}={}", folder.join(file).display()));
    }
    if let Some(certificate) = &options.certificate {
        for (setting, file) in [
            ("ssl-cert", certificate.chain()),
            ("ssl-key", certificate.key()),
        ] {
            let own = folder.join(setting);
            install(USER, &file, &own);
            server.arg(format!("--{setting}={}", own.display()));
        }
    }
    server.args(
        options
            .settings
            .iter()
            .map(|setting| format!("--{setting}")),
    );
    let socket = folder.clone();
    let is_ready = move || {
        let mut command = client("mariadb-admin", &socket);
        command.args(["--silent", "ping"]);
        command
    };
    let server = Server::start(folder.clone(), "KILL", &server, is_ready);
    DedicatedMariadb {
        server: DedicatedServer::new(server, port, "TERM"),
        folder,
        options,
    }
}

fn client(name: &str, folder: &Path) -> Command {
    let mut client = Command::new(program(name));
    client.args(["--no-defaults", "--user=root", "--socket"]);
    client.arg(folder.join("socket"));
    client
}
