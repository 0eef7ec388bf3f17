//! The binary with its default limits, measured from outside.

use std::io::{BufRead, BufReader, Read};
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const PASSWORD: &str = "a long walk by the sea";

pub struct FloodServer {
    child: Child,
    pub address: SocketAddr,
    metrics: u16,
    log: Arc<Mutex<String>>,
    _folder: TempDir,
}

impl FloodServer {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(binary());
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let metrics = free.local_addr().unwrap().port();
        drop(free);
        let mut child = command
            .arg("serve")
            .env_clear()
            .env("DOORWARD_LISTEN", "127.0.0.1:0")
            .env("DOORWARD_METRICS__LISTEN", format!("127.0.0.1:{metrics}"))
            .env("DOORWARD_DATA_DIR", folder.path().join("data"))
            // Throttling would reject the sign-ins before they reach the queue.
            .env("DOORWARD_THROTTLE__ENABLED", "false")
            .env("DOORWARD_LOG__FILTER", "warn")
            .env("ADMIN_PASSWORD", PASSWORD)
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let port: u16 = line.trim().rsplit(':').next().unwrap().parse().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (into, mut from) = (log.clone(), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut chunk) {
                into.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&chunk[..count]));
            }
        });
        Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            metrics,
            log,
            _folder: folder,
        }
    }

    /// Runs one sign-in per hashing thread, so that each thread has allocated its memory.
    pub async fn warm_up(&self) {
        let (one, two) = (
            self.sign_in(from(1), "admin"),
            self.sign_in(from(1), "nobody"),
        );
        let (one, two) = tokio::join!(one, two);
        assert_eq!((one.0, two.0), (201, 401));
    }

    /// Returns the status, and `true` if there is a `Retry-After`.
    pub async fn sign_in(&self, source: IpAddr, username: &str) -> (u16, bool) {
        let body = format!("{{\"username\":\"{username}\",\"password\":\"{PASSWORD}\"}}");
        let request = post("/auth", &body);
        self.ask(source, request.as_bytes())
            .await
            .map_or((0, false), |answer| {
                let retry = answer.to_ascii_lowercase().contains("\r\nretry-after: ");
                (status(&answer), retry)
            })
    }

    /// Sends a request and returns the complete response.
    pub async fn ask(&self, source: IpAddr, request: &[u8]) -> std::io::Result<String> {
        let mut stream = self.connect(source).await?;
        stream.write_all(request).await?;
        let mut answer = Vec::new();
        // The response may have arrived before the connection was closed.
        let read = stream.read_to_end(&mut answer).await;
        match answer.is_empty() {
            true => read.map(|_| String::new()),
            false => Ok(String::from_utf8_lossy(&answer).into_owned()),
        }
    }

    pub async fn connect(&self, source: IpAddr) -> std::io::Result<TcpStream> {
        connect(source, self.address).await
    }

    pub fn memory_kib(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// Returns the peak of the resident memory.
    pub fn peak_kib(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, row: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let row = text.lines().find_map(|line| line.strip_prefix(row));
        row.unwrap().trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Returns the sum of a counter over all labels.
    pub async fn metric(&self, name: &str) -> f64 {
        let address = SocketAddr::from(([127, 0, 0, 1], self.metrics));
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let of_name = text.lines().filter(|line| line.starts_with(name));
        of_name
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    pub fn log_lines(&self, what: &str) -> usize {
        self.log.lock().unwrap().matches(what).count()
    }
}

impl Drop for FloodServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the binary of this build, or the one in `DOORWARD_TEST_BINARY`.
#[expect(
    clippy::disallowed_methods,
    reason = "the path of the binary is not a setting of the server"
)]
fn binary() -> std::ffi::OsString {
    let given = std::env::var_os("DOORWARD_TEST_BINARY");
    given.unwrap_or_else(|| env!("CARGO_BIN_EXE_doorward").into())
}

/// Returns the address of a client.
pub fn from(number: usize) -> IpAddr {
    let number = u8::try_from(number).unwrap();
    IpAddr::from([127, 0, 0, number])
}

pub async fn connect(source: IpAddr, address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(source, 0))?;
    socket.connect(address).await
}

pub fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Returns the status of a response, 0 if there is none.
pub fn status(answer: &str) -> u16 {
    answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0)
}
