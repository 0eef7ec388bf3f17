//! Doorward as other programs use it: the binary on a free port with an empty folder.
//!
//! For tests with real clients, proxies and examples. The binary is the one that `DOORWARD_TEST_BINARY` names
//! (`cargo xtask verify` passes an optimised one), else the debug binary next to this test. Build that with
//! `cargo build -p doorward`: cargo builds it only for the tests of its own package.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::commands::run;
use super::server::Server;
use crate::port::Port;
use crate::tools::{target, variable};

/// The password of the first admin, `admin`.
pub const ADMIN_PASSWORD: &str = "a long walk by the sea";

/// The binary under test.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn doorward_binary() -> PathBuf {
    let path = variable("DOORWARD_TEST_BINARY")
        .map_or_else(|| target().join("debug/doorward"), PathBuf::from);
    assert!(
        path.is_file(),
        "there is no {}: run `cargo build` first",
        path.display()
    );
    path
}

/// Migrates a database with the binary under test.
pub(super) fn migrate(url: &str) {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let mut migrate = Command::new(doorward_binary());
    // The binary rejects the variables of the tests.
    migrate.arg("migrate").env_clear().env("DATABASE_URL", url);
    run(migrate.current_dir(folder.path()));
}

/// A running Doorward. Dropping it kills it and deletes its folder.
pub struct Doorward {
    server: Server,
    url: String,
}

impl Doorward {
    /// Starts it with these variables in addition to the usual ones: a free loopback port, SQLite, the built-in
    /// inbox, [`ADMIN_PASSWORD`], no rate limits. The last value of a variable counts; `{folder}` in a value is
    /// the server's folder. Waits until it is ready.
    #[must_use]
    pub fn start(variables: &[(&str, &str)]) -> Self {
        let port = Port::free();
        let folder = tempfile::Builder::new().prefix("doorward-test-").tempdir();
        let folder = folder.expect("a folder for temporary files").keep();
        let url = format!("http://localhost:{}", port.number);
        let mut environment = Command::new("env");
        environment.arg("-i").arg("-C").arg(&folder);
        environment.arg(format!("DOORWARD_LISTEN=127.0.0.1:{}", port.number));
        environment.arg(format!(
            "DOORWARD_DATA_DIR={}",
            folder.join("data").display()
        ));
        environment.arg(format!("ADMIN_PASSWORD={ADMIN_PASSWORD}"));
        environment.args([
            "DOORWARD_THROTTLE__ENABLED=false",
            "DOORWARD_LOG__FORMAT=json",
        ]);
        for (name, value) in variables {
            let value = value.replace("{folder}", &folder.display().to_string());
            environment.arg(format!("{name}={value}"));
        }
        environment.arg(doorward_binary());
        let command = |arguments: &[&str]| {
            let mut command = Command::new(environment.get_program());
            command.args(environment.get_args()).args(arguments);
            command
        };
        let serve = command(&["serve"]);
        let (program, arguments): (_, Vec<_>) = {
            let asking = command(&["healthcheck", "--ready"]);
            let arguments = asking.get_args().map(ToOwned::to_owned);
            (asking.get_program().to_owned(), arguments.collect())
        };
        let mut server = Server::start(folder, "TERM", &serve, move || {
            let mut command = Command::new(&program);
            command.args(&arguments);
            command
        });
        server.port = Some(port);
        Self { server, url }
    }

    /// Its URL, `http://localhost:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port.as_ref().expect("it has one").number
    }

    /// The folder it runs in; its data is in `data`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.server.folder
    }

    /// Its output so far, to standard output and to the log.
    #[must_use]
    pub fn log(&self) -> String {
        self.server.leash().log()
    }

    /// Sends SIGTERM, and waits until it has ended.
    pub fn stop(&self) {
        self.server.stop();
    }

    /// Starts it again after `stop`, and waits until it is ready.
    pub fn start_again(&self) {
        self.server.start_again();
    }

    /// Sends a signal, such as `HUP`.
    pub fn signal(&self, signal: &str) {
        self.server.leash().signal(signal);
    }
}
