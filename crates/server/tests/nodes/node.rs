//! `Node`: one process of the binary, at an address that stays the same after restarts.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

use tempfile::TempDir;
use tokio::process::Child;

use crate::eventually;
use crate::node_client::NodeClient;

/// The program under test.
const BINARY: &str = env!("CARGO_BIN_EXE_doorward");

/// Program and settings of a node. A clone is another node with the same.
#[derive(Clone)]
pub struct NodeConfig {
    pub program: PathBuf,
    pub variables: BTreeMap<String, String>,
}

impl NodeConfig {
    /// The program under test, without settings.
    pub fn new() -> Self {
        Self {
            program: BINARY.into(),
            variables: BTreeMap::new(),
        }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }
}

/// A node, running or not. It is killed at the end of the test.
pub struct Node {
    folder: TempDir,
    recipe: NodeConfig,
    pub client: NodeClient,
    process: Option<Child>,
}

/// Output and exit code of a command.
#[derive(Debug)]
pub struct CommandOutput {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Node {
    /// A node that does not run yet.
    pub fn new(recipe: NodeConfig) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            recipe,
            client: NodeClient::new(unused_address()),
            process: None,
        }
    }

    /// Value of a setting.
    pub fn variable(&self, name: &str) -> &str {
        &self.recipe.variables[name]
    }

    /// Runs the program under test at the next start.
    pub fn upgrade(&mut self) {
        self.recipe.program = BINARY.into();
    }

    /// Starts it, and waits until it is ready.
    pub async fn start(&mut self) {
        self.launch();
        self.ready().await;
    }

    /// Starts it without waiting.
    pub fn launch(&mut self) {
        let log = |name: &str| {
            let mut options = File::options();
            Stdio::from(
                options
                    .create(true)
                    .append(true)
                    .open(self.file(name))
                    .unwrap(),
            )
        };
        let mut command = self.command(&["serve"]);
        command
            .stdin(Stdio::null())
            .stdout(log("out"))
            .stderr(log("log"));
        let mut command = tokio::process::Command::from(command);
        self.process = Some(command.kill_on_drop(true).spawn().unwrap());
    }

    /// Waits until it is ready.
    pub async fn ready(&mut self) {
        let client = self.client;
        let process = self.process.as_mut().unwrap();
        let ended = eventually("a node is ready", async || {
            if let Some(status) = process.try_wait().unwrap() {
                return Some(Some(status));
            }
            let reply = client.try_send("GET", "/readyz", None, None).await;
            reply.is_ok_and(|reply| reply.status == 200).then_some(None)
        });
        if let Some(status) = ended.await {
            panic!("the node ended with {status}:\n{}", self.log());
        }
    }

    /// Sends it a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let id = self.process.as_ref().and_then(Child::id).unwrap();
        let killed = Command::new("kill")
            .args([&format!("-{name}"), &id.to_string()])
            .status();
        assert!(killed.unwrap().success());
    }

    /// Sends it a signal and waits for its end.
    pub async fn end(&mut self, signal: &str) -> ExitStatus {
        self.signal(signal);
        self.wait().await
    }

    /// Waits for its end.
    pub async fn wait(&mut self) -> ExitStatus {
        let mut process = self.process.take().unwrap();
        let ended = tokio::time::timeout(crate::TEST_TIMEOUT, process.wait()).await;
        ended.expect("the node ends").unwrap()
    }

    /// Runs a command next to it, with the same settings.
    pub async fn run(&self, arguments: &[&str]) -> CommandOutput {
        let mut command = tokio::process::Command::from(self.command(arguments));
        let output = command.stdin(Stdio::null()).output().await.unwrap();
        CommandOutput {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.recipe.program);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("DOORWARD_LISTEN", self.client.address.to_string())
            .env("DOORWARD_LOG__FORMAT", "json")
            .env("DOORWARD_DATA_DIR", self.file("data"))
            .envs(&self.recipe.variables);
        command
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Its log of all starts.
    pub fn log(&self) -> String {
        read(&self.file("log"))
    }

    /// Its standard output of all starts.
    pub fn out(&self) -> String {
        read(&self.file("out"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let last = lines.len().saturating_sub(40);
            eprintln!(
                "last output of {}:\n{}",
                self.client.address,
                lines[last..].join("\n")
            );
        }
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// A loopback address that no other node of any test uses: a port alone could be taken by the time a node
/// restarts.
fn unused_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    assert!(number < 255, "there are addresses for 254 nodes");
    let [.., high, low] = std::process::id().to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(127, high | 64, low, number), 8000))
}
