//! `cargo xtask fuzz`: schemathesis against the running server, with its own `OpenAPI` document; and a shorter run
//! against an optimised binary, as a step of `cargo xtask verify`. A run ends after a number of examples, not by the
//! clock, so that a slow machine tests as much as a fast one.
//!
//! Its configuration is in `xtask/fuzz`: the roles, and the errors that no schema predicts. A finding means that
//! the server or the document is wrong; `API.md` decides which.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::run::{cargo, root, run, target};
use crate::{tools, verify};

/// Roles of the client, each with its own server.
const ROLES: [&str; 3] = ["anonymous", "user", "admin"];
/// What the fuzzer prints, in the folder of its role.
const FUZZER_LOG: &str = "fuzzer.log";

/// Size and seed of a run.
struct SchemathesisRun {
    binary: PathBuf,
    /// Random examples of each operation, and sequences of operations, for each role. Enumerated ones are added.
    examples: u32,
    /// `None` for a new one, which the fuzzer prints.
    seed: Option<String>,
}

/// Installs the fuzzer, builds the server, and runs with a new seed, or with one that an earlier run printed.
pub(crate) fn fuzz(seed: Option<String>) -> anyhow::Result<()> {
    tools::install()?;
    run(&mut cargo(&["build", "--package", "doorward", "--locked"]))?;
    let schemathesis_run = SchemathesisRun {
        binary: target().join("debug/doorward"),
        examples: 200,
        seed,
    };
    schemathesis_run.every_role()
}

/// For `cargo xtask verify`: the same requests every time, so that a failure is due to
/// the change.
pub(crate) fn fuzz_shortly() -> anyhow::Result<()> {
    let schemathesis_run = SchemathesisRun {
        binary: verify::binary()?,
        examples: 50,
        seed: Some("1".to_owned()),
    };
    schemathesis_run.every_role()
}

impl SchemathesisRun {
    /// Runs all roles at once, since each uses one core at most, and prints what the fuzzer found as each.
    fn every_role(&self) -> anyhow::Result<()> {
        let folder = std::env::temp_dir().join(format!("doorward-fuzz-{}", std::process::id()));
        println!("until the end, the logs are in {}", folder.display());
        let results = std::thread::scope(|scope| {
            let start = |role| {
                let folder = folder.join(role);
                scope.spawn(move || self.as_role(role, &folder))
            };
            ROLES.map(start).map(ScopedJoinHandle::join)
        });
        let mut failed = Vec::new();
        for (role, result) in ROLES.into_iter().zip(results) {
            let result = result.unwrap_or_else(|_| bail!("a thread panicked"));
            let log = std::fs::read(folder.join(role).join(FUZZER_LOG)).unwrap_or_default();
            println!("-- as {role}\n{}", String::from_utf8_lossy(&log));
            failed.extend(result.err().map(|error| format!("{role}: {error:#}")));
        }
        if !failed.is_empty() {
            bail!(
                "there are findings, or the fuzzer did not run: {}; the logs are in {}",
                failed.join("; "),
                folder.display()
            );
        }
        std::fs::remove_dir_all(&folder)?;
        Ok(())
    }

    /// Fuzzes a separate server, in this new folder.
    fn as_role(&self, role: &str, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        let server = Server::start(&self.binary, folder)?;
        self.ask(role, &server.url, folder)
    }

    fn ask(&self, role: &str, url: &str, folder: &Path) -> anyhow::Result<()> {
        let log = File::create(folder.join(FUZZER_LOG))?;
        let config = root().join("xtask/fuzz");
        let mut command = Command::new(tools::program("schemathesis"));
        command
            .arg("--config-file")
            .arg(config.join("schemathesis.toml"));
        command.args(["run", &format!("{url}/openapi.json"), "--url", url]);
        command.args(["--wait-for-schema", "30", "--request-timeout", "60"]);
        command.args(["--continue-on-failure"]);
        command.args(["--max-examples", &self.examples.to_string()]);
        if let Some(seed) = &self.seed {
            command.args(["--seed", seed]);
        }
        command
            .env("PYTHONPATH", &config)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("SCHEMATHESIS_HOOKS", "hooks");
        // The fuzzer writes notes into its working directory.
        command
            .env("FUZZ_AS", role)
            .env("FUZZ_SERVER", url)
            .current_dir(folder);
        run(command.stdout(log.try_clone()?).stderr(log))
    }
}

/// The server of one run. It ends with this program, however that ends.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    /// Starts it on a free port, without throttling and with an empty store in the folder, and waits until it is
    /// ready.
    fn start(binary: &Path, folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("server.log");
        let log = File::create(&path)?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(binary);
        command.arg("serve").current_dir(folder).env_clear();
        command
            .env("PATH", "/usr/bin:/bin")
            .env("DOORWARD_LISTEN", "127.0.0.1:0")
            .env("DOORWARD_DATA_DIR", folder.join("data"))
            .env("DOORWARD_LOG__FORMAT", "json");
        command
            .env("DOORWARD_THROTTLE__ENABLED", "false")
            .env("ADMIN_PASSWORD", "a long walk by the sea");
        let process = command
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start the server")?;
        let mut server = Self {
            process,
            url: String::new(),
        };
        server.url = server.address(&path)?;
        Ok(server)
    }

    /// The URL of its listener, from the log.
    fn address(&mut self, log: &Path) -> anyhow::Result<String> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let text = std::fs::read_to_string(log)?;
            let output = text.split("\"listen\":\"").nth(1);
            if let Some((address, _)) = output.and_then(|rest| rest.split_once('"')) {
                return Ok(format!("http://{address}"));
            }
            let has_ended = self.process.try_wait()?.is_some();
            if has_ended || Instant::now() > deadline {
                bail!("the server does not serve: {text}");
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            eprintln!("xtask: the server on {} did not end: {error}", self.url);
        }
    }
}
