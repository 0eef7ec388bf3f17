//! `Setup`, a folder and an environment to run the binary in; `Server`, the binary serving.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_doorward");
/// Longer than anything takes; reached only when something is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where and how the binary runs. A clone is the same folder.
#[derive(Clone)]
pub struct Setup {
    folder: Arc<TempDir>,
    variables: BTreeMap<String, String>,
    /// What runs it, and becomes it in the end.
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
            // Sessions are of one server, though it listens elsewhere after each start.
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

    /// Runs the binary by another command, which becomes it in the end.
    pub fn under(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// The binary's `serve`, which writes to files of the folder.
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

    /// Starts it where it cannot start, and gives what it says.
    pub fn fails_to_start(&self) -> String {
        let status = self.serve().wait().unwrap();
        assert!(!status.success(), "it started: {}", self.text("log"));
        self.text("log")
    }

    /// Starts it, and waits until it says that it is ready.
    pub fn start(&self) -> Server {
        let mut server = Server {
            child: self.serve(),
            setup: self.clone(),
            port: 0,
        };
        let deadline = Instant::now() + PATIENCE;
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

/// Where it listens, once its log says so.
fn port_in(log: &str) -> Option<u16> {
    let ready = log.lines().find(|line| line.contains("\"ready\""))?;
    let line: Value = serde_json::from_str(ready).ok()?;
    line["listen"].as_str()?.rsplit(':').next()?.parse().ok()
}

/// The binary serving. It is killed when the test is over.
pub struct Server {
    child: Child,
    setup: Setup,
    port: u16,
}

impl Server {
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL; it is gone when this is.
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
