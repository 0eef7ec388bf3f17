//! A PostgreSQL for one test, and its streaming replica.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::certificates::Certificate;
use super::commands::{command_as, folder_for, install, run, run_with_input};
use super::dedicated::{ConnectionHog, DedicatedServer};
use super::postgres::{USER, init, program};
use super::server::{Server, blocking};
use crate::port::Port;

/// Name of the database, and of the role that owns it.
const NAME: &str = "doorward";

/// Options that differ from the defaults.
#[derive(Clone, Default)]
pub struct PostgresOptions {
    /// Settings as after `-c`, such as `max_connections=5`; the last value of a name counts.
    pub settings: Vec<&'static str>,
    /// Text after `CREATE DATABASE … OWNER …`, such as `TEMPLATE template0 ENCODING 'LATIN1'`.
    pub database: &'static str,
    /// Password of the role `doorward`; `None` if it needs none.
    pub password: Option<&'static str>,
    /// Accepts only TLS, with this certificate.
    pub certificate: Option<Certificate>,
}

/// A running PostgreSQL with a database and a role `doorward`, which owns it and is not a superuser.
#[derive(Clone)]
pub struct DedicatedPostgres {
    server: DedicatedServer,
    folder: PathBuf,
    options: PostgresOptions,
}

/// The operations of every server: stop, start …
impl Deref for DedicatedPostgres {
    type Target = DedicatedServer;

    fn deref(&self) -> &DedicatedServer {
        &self.server
    }
}

/// How a commit treats the replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replication {
    /// It waits: an acknowledged write is on the replica.
    Synchronous,
    /// It does not wait.
    Asynchronous,
}

/// Starts a PostgreSQL for one test.
pub async fn dedicated_postgres(options: PostgresOptions) -> DedicatedPostgres {
    let postgres = blocking(move || {
        let folder = folder_for(USER);
        init(&folder);
        allow(&folder, &options);
        start(folder, options)
    })
    .await;
    let password = postgres.options.password.unwrap_or_default();
    let database = postgres.options.database;
    let setup = format!(
        "CREATE ROLE {NAME} LOGIN PASSWORD '{password}';\n\
         CREATE DATABASE {NAME} OWNER {NAME} {database};\n\\c {NAME}\n\
         REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT CREATE ON SCHEMA public TO {NAME};"
    );
    postgres.ask("postgres", setup).await;
    postgres
}

impl DedicatedPostgres {
    /// The URL of the database, for its owner.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_as(NAME)
    }

    /// The URL of the database for this role, with the password of the options.
    #[must_use]
    pub fn url_as(&self, role: &str) -> String {
        let password = self.options.password;
        let password = password.map_or(String::new(), |password| format!(":{password}"));
        format!("postgres://{role}{password}@{}/{NAME}", self.address())
    }

    /// Creates a role that may connect, with the rights in `grants`, such as
    /// `SELECT ON ALL TABLES IN SCHEMA public`, or none if it is empty. Returns its URL.
    pub async fn role(&self, name: &str, grants: &str) -> String {
        let password = self.options.password.unwrap_or_default();
        let mut sql = format!("CREATE ROLE {name} LOGIN PASSWORD '{password}';");
        if !grants.is_empty() {
            sql += &format!("GRANT {grants} TO {name};");
        }
        self.query(&sql).await;
        self.url_as(name)
    }

    /// Runs SQL as the superuser, even if all connections are in use. Returns the fields, separated by `|`.
    pub async fn query(&self, sql: &str) -> String {
        self.ask(NAME, sql.to_owned()).await
    }

    /// Uses up all connections for roles that are not superusers.
    pub async fn fill(&self) -> ConnectionHog {
        let (folder, port) = (self.folder.clone(), self.port());
        let guest = move || {
            let mut psql = client("psql", &folder, port);
            psql.args(["-X", "-q", "-A", "-t", "-d", NAME, "-U", NAME]);
            psql
        };
        self.act(|_| ConnectionHog::of(guest)).await
    }

    async fn ask(&self, database: &'static str, sql: String) -> String {
        let mut psql = self.client("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
        psql.args(["-d", database, "-f", "-"]);
        self.act(move |_| run_with_input(&mut psql, &sql)).await
    }

    /// Creates a streaming replica on its own port, and waits until it has caught up. If it is synchronous, every
    /// later commit waits for it.
    pub async fn replica(&self, replication: Replication) -> DedicatedPostgres {
        let options = self.options.clone();
        let (socket, port) = (self.folder.clone(), self.port());
        let made = self.act(move |_| {
            let folder = folder_for(USER);
            let mut backup = command_as(USER, &program("pg_basebackup"));
            backup.arg("-h").arg(socket).args(["-p", &port.to_string()]);
            backup.args(["-U", USER, "--checkpoint=fast", "--no-sync", "-R"]);
            run(backup.arg("-D").arg(folder.join("data")));
            start(folder, options)
        });
        let replica = made.await;
        if replication == Replication::Synchronous {
            let sql = "ALTER SYSTEM SET synchronous_standby_names = '*'; SELECT pg_reload_conf();";
            self.query(sql).await;
        }
        self.wait_for_replica(replication).await;
        replica
    }

    /// Waits until a replica has everything and, if requested, commits wait for it.
    async fn wait_for_replica(&self, replication: Replication) {
        let mut psql = self.client("psql");
        let state = match replication {
            Replication::Synchronous => "sync_state = 'sync'",
            Replication::Asynchronous => "state = 'streaming'",
        };
        psql.args(["-X", "-q", "-A", "-t", "-d", "postgres", "-c"]);
        psql.arg(format!(
            "SELECT 'yes' FROM pg_stat_replication \
             WHERE {state} AND replay_lsn = pg_current_wal_lsn()"
        ));
        let psql = std::sync::Mutex::new(psql);
        let has_caught_up = move || run(&mut psql.lock().unwrap()) == "yes";
        self.act(|_| super::supervisor::wait_for("the replica has caught up", has_caught_up))
            .await;
    }

    /// Makes a replica the primary, and waits for that.
    pub async fn promote(&self) {
        let promoted = self.query("SELECT pg_promote(true, 60)").await;
        assert_eq!(promoted, "t", "{}", self.log());
    }

    fn client(&self, name: &str) -> Command {
        client(name, &self.folder, self.port())
    }
}

fn start(folder: PathBuf, options: PostgresOptions) -> DedicatedPostgres {
    let port = Port::free();
    let number = port.number;
    let mut server = command_as(USER, &program("postgres"));
    server.arg("-D").arg(folder.join("data"));
    server.arg("-k").arg(&folder);
    server.args(["-p", &number.to_string()]);
    // A shared memory segment in the data folder is deleted with it, however the server ends.
    let usual = [
        "listen_addresses=127.0.0.1",
        "dynamic_shared_memory_type=mmap",
    ];
    for setting in usual.iter().chain(&options.settings) {
        server.args(["-c", setting]);
    }
    if let Some(certificate) = &options.certificate {
        for (setting, file) in [
            ("ssl_cert_file", certificate.chain()),
            ("ssl_key_file", certificate.key()),
        ] {
            let own = folder.join(setting);
            install(USER, &file, &own);
            server.arg("-c").arg(format!("{setting}={}", own.display()));
        }
        server.args(["-c", "ssl=on"]);
    }
    let socket = folder.clone();
    let is_ready = move || {
        let mut command = client("pg_isready", &socket, number);
        command.arg("-q");
        command
    };
    let server = Server::start(folder.clone(), "QUIT", &server, is_ready);
    DedicatedPostgres {
        server: DedicatedServer::new(server, port, "INT"),
        folder,
        options,
    }
}

/// Configures who may connect and how. On the socket in its folder, everyone may.
fn allow(folder: &Path, options: &PostgresOptions) {
    let kind = options.certificate.as_ref().map_or("host", |_| "hostssl");
    let method = options.password.map_or("trust", |_| "scram-sha-256");
    let text = format!(
        "local all all trust\nlocal replication all trust\n{kind} all all 127.0.0.1/32 {method}\n\
         {kind} all all ::1/128 {method}\n"
    );
    std::fs::write(folder.join("data/pg_hba.conf"), text).expect("its own folder can be written");
}

fn client(name: &str, folder: &Path, port: u16) -> Command {
    let mut client = Command::new(program(name));
    client.arg("-h").arg(folder).args(["-p", &port.to_string()]);
    client.args(["-U", USER]).stdin(Stdio::null());
    client
}
