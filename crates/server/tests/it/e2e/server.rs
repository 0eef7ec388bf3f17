//! `Setup`, a folder and an environment for the binary; `Server`, the running binary.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::{self, Reply};
use crate::support::{Combination, PASSWORD};

const BINARY: &str = env!("CARGO_BIN_EXE_doorward");
/// Longer than anything takes. Only a failing test reaches it.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Folder and environment of the binary. A clone shares the folder.
#[derive(Clone)]
pub struct Setup {
    folder: Arc<TempDir>,
    variables: BTreeMap<String, String>,
}

/// Output and exit code of a command.
#[derive(Debug)]
pub struct CommandOutput {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl CommandOutput {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.out, self.err))
    }
}

impl Setup {
    /// An empty folder, a free port, and the empty stores of this run.
    pub fn new() -> Self {
        let stores = Combination::chosen().variables();
        stores
            .iter()
            .fold(Self::on_a_file(), |setup, (name, value)| {
                setup.with(name, value)
            })
    }

    /// Like [`Self::new`], but always on SQLite: for tests of its file, of the defaults, or of stores that the
    /// test chooses.
    pub fn on_a_file() -> Self {
        let setup = Self {
            folder: Arc::new(tempfile::tempdir().unwrap()),
            variables: BTreeMap::new(),
        };
        let data = setup.data_dir().display().to_string();
        setup
            .with("DOORWARD_LISTEN", "127.0.0.1:0")
            .with("DOORWARD_LOG__FORMAT", "json")
            .with("DOORWARD_DATA_DIR", &data)
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// Serves TLS with this certificate.
    pub fn with_tls(self, certificate: &Path, key: &Path) -> Self {
        self.with(
            "DOORWARD_TLS__CERTIFICATE",
            &certificate.display().to_string(),
        )
        .with("DOORWARD_TLS__KEY", &key.display().to_string())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn data_dir(&self) -> PathBuf {
        self.path("data")
    }

    /// Writes a file into the binary's folder.
    pub fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.path(name), text).unwrap();
        self
    }

    /// A command in the folder, with piped streams.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(&self.variables);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.run_with_input(arguments, "")
    }

    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> CommandOutput {
        let mut child = self.command(arguments).spawn().unwrap();
        // A command that reads nothing may have ended already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        CommandOutput {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn start(&self) -> Server {
        self.start_by(self.command(&["serve"]))
    }

    /// Starts the server by this command, such as one with other arguments.
    pub fn start_by(&self, command: Command) -> Server {
        let mut server = self.begin(command);
        let ready = server.line("Doorward is ready at");
        let is_local = !self.variables.contains_key("DOORWARD_PUBLIC_URL");
        let port = ready.rsplit(':').next().and_then(|port| port.parse().ok());
        server.port = port
            .filter(|_| is_local)
            .unwrap_or_else(|| server.port_in_log());
        server
    }

    /// Starts the server without waiting until it is ready: its port is not known.
    pub fn begin(&self, mut command: Command) -> Server {
        let mut child = command.spawn().unwrap();
        let (log, reader) = gather(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Server {
            _folder: self.folder.clone(),
            child,
            lines: Mutex::new(lines),
            log,
            reader: Some(reader),
            port: 0,
        }
    }
}

/// Reads to the end in the background.
fn gather(mut from: impl Read + Send + 'static) -> (Arc<Mutex<Vec<u8>>>, JoinHandle<()>) {
    let gathered = Arc::new(Mutex::new(Vec::new()));
    let into = gathered.clone();
    let reader = std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut chunk) {
            into.lock().unwrap().extend_from_slice(&chunk[..count]);
        }
    });
    (gathered, reader)
}

/// The running binary. It is killed at the end of the test.
pub struct Server {
    _folder: Arc<TempDir>,
    child: Child,
    lines: Mutex<Receiver<String>>,
    log: Arc<Mutex<Vec<u8>>>,
    /// Ends with the log.
    reader: Option<JoinHandle<()>>,
    pub port: u16,
}

impl Server {
    /// The next line on standard output that contains `wanted`.
    pub fn line(&self, wanted: &str) -> String {
        loop {
            match self.lines.lock().unwrap().recv_timeout(TEST_TIMEOUT) {
                Ok(line) if line.contains(wanted) => return line,
                Ok(_) => {}
                Err(_) => panic!("no line with {wanted}; the log: {}", self.log()),
            }
        }
    }

    /// The remaining lines on standard output, until it ends.
    pub fn rest(&mut self) -> Vec<String> {
        eventually("the server ends", || self.child.try_wait().unwrap());
        self.lines.lock().unwrap().iter().collect()
    }

    /// Standard error so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.log.lock().unwrap()).into_owned()
    }

    fn port_in_log(&self) -> u16 {
        let ready = eventually("it logs where it listens", || {
            let log = self.log();
            log.lines()
                .find(|line| line.contains("\"ready\"") && line.ends_with('}'))
                .map(str::to_owned)
        });
        let line: Value = serde_json::from_str(&ready).unwrap();
        line["listen"]
            .as_str()
            .unwrap()
            .rsplit(':')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    /// Sends a request, anonymous or with a token.
    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> std::io::Result<Reply> {
        let mut fields: Vec<String> = token
            .iter()
            .map(|token| format!("Authorization: Bearer {token}"))
            .collect();
        if body.is_some() {
            fields.push("Content-Type: application/json".to_owned());
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        http::exchange(
            self.address(),
            http::request(method, path, &fields, &body).as_bytes(),
        )
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers make it on the spot")]
    pub fn send(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Reply {
        self.try_send(method, path, token, body.as_ref()).unwrap()
    }

    /// Begins a sign-up that the server cannot complete yet. Returns its connection and the rest of the request.
    pub fn start_sign_up(&self, username: &str) -> (TcpStream, Vec<u8>) {
        let body = json!({"username": username, "password": PASSWORD}).to_string();
        let json = ["Content-Type: application/json".to_owned()];
        let mut request = http::request("POST", "/user", &json, &body).into_bytes();
        let rest = request.split_off(request.len() - 10);
        let mut stream = http::open(self.address()).unwrap();
        stream.write_all(&request).unwrap();
        // After another response, the server has read the head: the request is running.
        self.get("/healthz").expect(200);
        (stream, rest)
    }

    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, None, None)
    }

    pub fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, None, Some(body))
    }

    /// Signs in and returns the token.
    pub fn sign_in(&self, username: &str, password: &str) -> String {
        let reply = self.post(
            "/auth",
            serde_json::json!({"username": username, "password": password}),
        );
        reply.expect(201).json()["token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Closes its standard input.
    pub fn close_input(&mut self) {
        drop(self.child.stdin.take());
    }

    pub fn signal(&self, name: &str) {
        let killed = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(killed.unwrap().success());
    }

    /// Waits for its end. Returns the exit status and the log.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let status = eventually("the server ends", || self.child.try_wait().unwrap());
        self.reader.take().unwrap().join().unwrap();
        (status, self.log())
    }

    /// Sends SIGTERM and waits for the end. Returns the log.
    pub fn stop(self) -> String {
        self.signal("TERM");
        let (status, log) = self.wait();
        assert!(status.success(), "{status}: {log}");
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}

/// Polls until there is a value. For the work of another process.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + TEST_TIMEOUT;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "it never came to this: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// The mode bits of a file.
pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
