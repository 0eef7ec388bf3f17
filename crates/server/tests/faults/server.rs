//! `Setup`, a folder and an environment for the binary; `Server`, the running binary.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_doorward");
/// Longer than anything takes. Only a failing test reaches it.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Folder, environment and wrapper of the binary. A clone shares the folder.
#[derive(Clone)]
pub struct Setup {
    folder: Arc<TempDir>,
    variables: BTreeMap<String, String>,
    /// Command that runs the binary with `exec`.
    wrapper: Vec<String>,
}

impl Setup {
    /// An empty folder, a free port, no throttles, and an admin.
    pub fn new(admin_password: &str) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let data = folder.path().join("data").display().to_string();
        let setup = Self {
            folder,
            variables: BTreeMap::new(),
            wrapper: Vec::new(),
        };
        setup
            .with("DOORWARD_LISTEN", "127.0.0.1:0")
            // Sessions stay valid although the port changes with each start.
            .with("DOORWARD_PUBLIC_URL", "http://localhost:8000")
            .with("DOORWARD_LOG__FORMAT", "json")
            .with("DOORWARD_DATA_DIR", &data)
            .with("DOORWARD_THROTTLE__ENABLED", "false")
            .with("ADMIN_PASSWORD", admin_password)
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Runs the binary by another command, which must `exec` it.
    pub fn under(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Starts `serve`, with output to files in the folder.
    fn serve(&self) -> Child {
        let mut words = self.wrapper.iter().map(String::as_str).chain([BINARY]);
        let mut command = Command::new(words.next().unwrap_or(BINARY));
        let file = |name| File::create(self.folder.path().join(name)).unwrap();
        command
            .args(words)
            .arg("serve")
            .current_dir(self.folder.path())
            .env_clear()
            .envs(&self.variables)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file("log"));
        command.spawn().unwrap()
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Expects the start to fail, and returns the log.
    pub fn fails_to_start(&self) -> String {
        let status = self.serve().wait().unwrap();
        assert!(!status.success(), "it started: {}", self.text("log"));
        self.text("log")
    }

    /// Starts the server and waits until it logs that it is ready.
    pub fn start(&self) -> Server {
        let mut server = Server {
            child: self.serve(),
            setup: self.clone(),
            port: 0,
        };
        let deadline = Instant::now() + TEST_TIMEOUT;
        while server.port == 0 {
            server.port = port_in(&self.text("log")).unwrap_or_default();
            let has_ended = server.child.try_wait().unwrap();
            assert_eq!(has_ended, None, "it ended");
            assert!(Instant::now() < deadline, "it is never ready");
            std::thread::park_timeout(Duration::from_millis(10));
        }
        server
    }
}

/// Port of the listener, once it is logged.
fn port_in(log: &str) -> Option<u16> {
    let ready = log.lines().find(|line| line.contains("\"ready\""))?;
    let line: Value = serde_json::from_str(ready).ok()?;
    line["listen"].as_str()?.rsplit(':').next()?.parse().ok()
}

/// The running binary. It is killed at the end of the test.
pub struct Server {
    child: Child,
    setup: Setup,
    port: u16,
}

impl Server {
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGKILL and waits for the end of the process.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.setup.text("log"));
        }
    }
}
