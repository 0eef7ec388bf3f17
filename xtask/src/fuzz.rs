//! `cargo xtask fuzz`: schemathesis against the running server, by its own `OpenAPI` document.
//!
//! What it is told of Doorward is in `xtask/fuzz`: who asks, and which refusals no schema can
//! foretell. A finding means that the server or the document is wrong; which, `API.md` says.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command};

use anyhow::{Context, bail};

use crate::run::{cargo, root, run, target};
use crate::tools;

/// Who asks, each of a server of their own.
const ROLES: [&str; 2] = ["user", "admin"];
/// How long each of them may ask.
const SECONDS: &str = "60";
/// How many examples of an operation before the next; they start over until the time is up.
const EXAMPLES: &str = "100";

/// Installs the fuzzer, builds the server, and asks.
pub(crate) fn fuzz() -> anyhow::Result<()> {
    tools::install()?;
    let fuzzer = tools::program("schemathesis");
    run(&mut cargo(&["build", "--package", "doorward", "--locked"]))?;
    let folder = std::env::temp_dir().join(format!("doorward-fuzz-{}", std::process::id()));
    let mut failed = Vec::new();
    for role in ROLES {
        let folder = folder.join(role);
        std::fs::create_dir_all(&folder)?;
        let server = Server::start(&folder)?;
        println!("== as {role}");
        if ask(&fuzzer, role, &server.url, &folder).is_err() {
            failed.push(role);
        }
    }
    if !failed.is_empty() {
        bail!(
            "there are findings as {}; the servers' logs are in {}",
            failed.join(" and "),
            folder.display()
        );
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn ask(fuzzer: &Path, role: &str, url: &str, folder: &Path) -> anyhow::Result<()> {
    let told = root().join("xtask/fuzz");
    let mut command = Command::new(fuzzer);
    command
        .arg("--config-file")
        .arg(told.join("schemathesis.toml"));
    command.args([
        "run",
        &format!("{url}/openapi.json"),
        "--url",
        url,
        "--wait-for-schema",
        "30",
    ]);
    command.args([
        "--continue-on-failure",
        "--max-time",
        SECONDS,
        "--max-examples",
        EXAMPLES,
        "--request-timeout",
        "60",
    ]);
    command
        .env("PYTHONPATH", &told)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "hooks");
    // The fuzzer keeps notes where it runs.
    run(command
        .env("FUZZ_AS", role)
        .env("FUZZ_SERVER", url)
        .current_dir(folder))
}

/// The server, as long as somebody asks.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    /// Starts it on a free port, with no throttle and with an empty store in the folder.
    fn start(folder: &Path) -> anyhow::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let log = File::create(folder.join("server.log"))?;
        let mut command = Command::new(target().join("debug/doorward"));
        command.arg("serve").current_dir(folder).env_clear();
        command
            .env("DOORWARD_LISTEN", format!("127.0.0.1:{port}"))
            .env("DOORWARD_DATA_DIR", folder.join("data"));
        command
            .env("DOORWARD_THROTTLE__ENABLED", "false")
            .env("ADMIN_PASSWORD", "a long walk by the sea");
        let process = command
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start the server")?;
        Ok(Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            eprintln!("xtask: the server on {} did not end: {error}", self.url);
        }
    }
}
