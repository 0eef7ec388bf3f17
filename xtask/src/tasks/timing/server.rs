//! The binary on a free port with its own folder, and accounts for the requests.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::client::{Client, request};

/// The password of all accounts.
pub(super) const PASSWORD: &str = "a long walk by the sea";

/// Rate limit settings.
#[derive(Clone, Copy)]
pub(super) enum Throttles {
    /// Disabled.
    Off,
    /// Ten wrong passwords lock an account out; networks are not limited.
    Guesses,
}

impl Throttles {
    fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Off => &[("ENABLED", "false")],
            Self::Guesses => &[
                ("SIGN_IN", "1000000/1m"),
                ("GLOBAL", "1000000/1m"),
                ("LOCKOUT_AFTER", "10"),
            ],
        }
    }
}

/// A running server. Dropping it stops it and deletes its folder.
pub(super) struct Server {
    binary: PathBuf,
    throttles: Throttles,
    folder: PathBuf,
    pub(super) port: u16,
    process: Child,
}

impl Server {
    pub(super) fn start(binary: &Path, throttles: Throttles) -> anyhow::Result<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = format!("doorward-timing-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder)?;
        let mut process = command(binary, throttles, &folder)
            .arg("serve")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot run {}", binary.display()))?;
        let output = process.stdout.take().context("its output is a pipe")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let port = line.trim().rsplit(':').next().unwrap_or_default();
        let port = port.parse().with_context(|| format!("no port in {line}"))?;
        let server = Self {
            binary: binary.to_owned(),
            throttles,
            folder,
            port,
            process,
        };
        server.wait()?;
        Ok(server)
    }

    fn wait(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            let ready = Client::connect(self.port)
                .and_then(|mut client| client.ask(&request("GET", "/readyz", "", "")));
            if ready.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the server is not ready after half a minute");
    }

    /// Creates a user with a username and a confirmed address.
    pub(super) fn create(&self, name: &str) -> anyhow::Result<()> {
        let email = format!("{name}@example.com");
        let arguments = ["user", "create", "--username", name, "--email", &email];
        self.run(&[&arguments[..], &["--password-stdin"]].concat())
    }

    /// Runs a command next to the server.
    pub(super) fn run(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let mut process = command(&self.binary, self.throttles, &self.folder)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let input = process.stdin.take().context("its input is a pipe")?;
        writeln!(&input, "{PASSWORD}")?;
        drop(input);
        ensure!(process.wait()?.success(), "failed: {arguments:?}");
        Ok(())
    }

    /// Signs the user in and returns the token.
    pub(super) fn token(&self, name: &str) -> anyhow::Result<String> {
        let body = format!(r#"{{"username":"{name}","password":"{PASSWORD}"}}"#);
        let answer = Client::connect(self.port)?.ask(&request("POST", "/auth", "", &body))?;
        let rest = answer.body.split_once(r#""token":""#);
        let token = rest.and_then(|(_, rest)| rest.split('"').next());
        Ok(token.with_context(|| answer.body.clone())?.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Best effort: no one waits for it.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn command(binary: &Path, throttles: Throttles, folder: &Path) -> Command {
    let mut command = Command::new(binary);
    command
        .env_clear()
        .current_dir(folder)
        .env("DOORWARD_LISTEN", "127.0.0.1:0")
        .env("DOORWARD_LOG__FILTER", "error")
        .env("ADMIN_PASSWORD", PASSWORD);
    for (name, value) in throttles.settings() {
        command.env(format!("DOORWARD_THROTTLE__{name}"), value);
    }
    command
}
