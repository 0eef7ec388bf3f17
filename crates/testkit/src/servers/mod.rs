//! Servers for the tests. Databases, of two kinds:
//!
//! - [`postgres()`] and [`mariadb()`] create an empty database for a test, on a server that is started once per
//!   test process, on a Unix socket in its own folder, without durability.
//! - [`own_postgres()`] and [`own_mariadb()`] start a server for one test, on its own port and with the usual
//!   durability, which the test may stop, kill, pause and start again. [`Proxy`] simulates a bad network in front
//!   of one; [`Authority`] creates certificates.
//!
//! The first two can be configured instead, to test another version or engine: `given.rs`.
//!
//! [`Doorward`] is the binary itself, for real clients and proxies.
//!
//! They end with the process, in every case: each runs under a small shell, the leash of `leash.rs`. No test has
//! to clean up.
//!
//! To add a server: a file here with its commands and its URL, based on `Server`; one that a test may break is an
//! [`OwnServer`].

mod certificates;
mod doorward;
mod given;
mod leash;
mod mariadb;
mod own;
mod own_mariadb;
mod own_postgres;
mod postgres;
mod proxy;
mod redis;

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

pub use certificates::{Authority, Certificate};
pub use doorward::{ADMIN_PASSWORD, Doorward, doorward_binary};
pub use own::{FullHouse, OwnServer};
pub use own_mariadb::{MariadbOptions, OwnMariadb, own_mariadb};
pub use own_postgres::{OwnPostgres, PostgresOptions, Replication, own_postgres};
pub use proxy::{Proxy, ProxyMode};
pub use redis::{
    OwnRedis, RedisCluster, RedisOptions, RedisPlace, Snapshot, own_redis, own_redis_cluster,
    redis, redis_cluster, valkey,
};

use crate::patience::until;
use crate::port::Port;
use crate::process::piped;
use leash::Leash;

/// The URL of a new, empty database on PostgreSQL.
pub async fn postgres() -> String {
    new_database(|| {
        static SERVER: OnceLock<Server> = OnceLock::new();
        let name = unused_name();
        given::new_postgres_database(&name)
            .unwrap_or_else(|| postgres::new_database(SERVER.get_or_init(postgres::start), &name))
    })
    .await
}

/// The URL of a new, empty database on MariaDB.
pub async fn mariadb() -> String {
    new_database(|| {
        static SERVER: OnceLock<Server> = OnceLock::new();
        let name = unused_name();
        given::new_mysql_database(&name)
            .unwrap_or_else(|| mariadb::new_database(SERVER.get_or_init(mariadb::start), &name))
    })
    .await
}

async fn new_database(make: impl FnOnce() -> String + Send + 'static) -> String {
    tokio::task::spawn_blocking(make)
        .await
        .expect("a database server for the tests")
}

fn unused_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A server in its folder. Dropping it kills it and deletes the folder.
struct Server {
    folder: PathBuf,
    /// Its port; `None` if it listens only on a socket in its folder.
    port: Option<Port>,
    /// The signal for an orderly stop that does not wait for clients.
    stop: &'static str,
    is_ready: Box<dyn Fn() -> Command + Send + Sync>,
    leash: Mutex<Leash>,
}

impl Server {
    /// Starts it, and waits until the command `is_ready` succeeds. `signal` ends the server with the test process.
    fn start(
        folder: PathBuf,
        signal: &str,
        command: &Command,
        is_ready: impl Fn() -> Command + Send + Sync + 'static,
    ) -> Self {
        let server = Self {
            leash: Mutex::new(Leash::start(&folder, signal, command)),
            is_ready: Box::new(is_ready),
            port: None,
            stop: "TERM",
            folder,
        };
        server.wait_until_ready();
        server
    }

    /// Converts it. `stop` is the signal for an orderly stop.
    fn owned(mut self, port: Port, stop: &'static str) -> OwnServer {
        (self.port, self.stop) = (Some(port), stop);
        OwnServer::new(self)
    }

    fn start_again(&self) {
        assert!(!self.leash().is_running(), "it was not stopped before");
        self.leash().start_again();
        self.wait_until_ready();
    }

    fn stop(&self) {
        self.leash().signal(self.stop);
        self.leash().wait_for_end();
    }

    fn kill(&self) {
        self.leash().signal_all("KILL");
    }

    fn wait_until_ready(&self) {
        until("the server is ready", || {
            let leash = self.leash();
            assert!(leash.is_running(), "the server ended: {}", leash.log());
            let answer = (self.is_ready)().output().ok()?;
            answer.status.success().then_some(())
        });
    }

    /// A test that failed while it held the lock has not broken the leash.
    fn leash(&self) -> MutexGuard<'_, Leash> {
        self.leash.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Creates a folder that `user` owns, with a path that is short enough for a socket.
fn folder_for(user: &str) -> PathBuf {
    let folder = tempfile::Builder::new().prefix("doorward-test-").tempdir();
    let folder = folder.expect("a folder for temporary files").keep();
    if is_root() {
        run(Command::new("chown").arg(user).arg(&folder));
    }
    folder
}

/// The command, as `user` if this process is root: database servers do not run as root.
fn command_as(user: &str, program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", user, "--regid", user, "--clear-groups", "--"])
        .arg(program);
    command
}

/// Copies a file so that only `user` may read it.
fn install(user: &str, file: &Path, own: &Path) {
    let mut install = Command::new("install");
    install.args(["-m", "600"]);
    if is_root() {
        install.args(["-o", user]);
    }
    run(install.arg(file).arg(own));
}

fn is_root() -> bool {
    File::open("/proc/self")
        .and_then(|own| own.metadata())
        .is_ok_and(|own| own.uid() == 0)
}

/// Runs a command that must succeed, and returns its output.
fn run(command: &mut Command) -> String {
    run_with_input(command, "")
}

/// Like [`run`], with input.
fn run_with_input(command: &mut Command, input: &str) -> String {
    let output = piped(command, input);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {message}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Finds the program in the first of these folders that has it.
fn find_program(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    folders
        .iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}
