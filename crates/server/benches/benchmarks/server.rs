//! The release binary, started and measured from outside.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::load::{Connection, post};

pub const BINARY: &str = env!("CARGO_BIN_EXE_doorward");
pub const PASSWORD: &str = "three boats on a lake";
pub const USERS: usize = 50;

pub struct BenchServer {
    child: Child,
    pub address: SocketAddr,
    folder: TempDir,
}

pub fn binary_bytes() -> u64 {
    std::fs::metadata(BINARY).unwrap().len()
}

/// Returns the milliseconds from the start of the process until it reports that it is ready.
pub fn time_to_ready(folder: &Path) -> f64 {
    let started = Instant::now();
    let (mut child, _) = start(folder, &[]);
    let took = started.elapsed();
    let _ = child.kill();
    let _ = child.wait();
    took.as_secs_f64() * 1000.0
}

fn start(folder: &Path, variables: &[(&str, &str)]) -> (Child, SocketAddr) {
    let mut child = Command::new(BINARY)
        .arg("serve")
        .env_clear()
        .env("DOORWARD_LISTEN", "127.0.0.1:0")
        .env("DOORWARD_DATA_DIR", folder)
        .env("DOORWARD_THROTTLE__ENABLED", "false")
        .env("DOORWARD_LOG__FILTER", "warn")
        .env("ADMIN_PASSWORD", "a long walk by the sea")
        .envs(variables.iter().copied())
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let port: u16 = line.trim().rsplit(':').next().unwrap().parse().unwrap();
    (child, SocketAddr::from(([127, 0, 0, 1], port)))
}

impl BenchServer {
    pub fn start(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (child, address) = start(folder.path(), variables);
        Self {
            child,
            address,
            folder,
        }
    }

    pub async fn sign_up_users(&self) {
        let mut connection = Connection::open(self.address).await;
        for user in 0..USERS {
            let body = format!(r#"{{"username":"user{user}","password":"{PASSWORD}"}}"#);
            assert_eq!(connection.ask(&post("/user", &body)).await.0, 201);
        }
    }

    pub async fn sign_in(&self) -> String {
        let body = format!(r#"{{"username":"user1","password":"{PASSWORD}"}}"#);
        self.token_of(&post("/auth", &body)).await
    }

    /// Returns the token of this sign-in.
    pub async fn token_of(&self, sign_in: &[u8]) -> String {
        let (status, body) = Connection::open(self.address).await.ask(sign_in).await;
        assert_eq!(status, 201);
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        body["token"].as_str().unwrap().to_owned()
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The CPU time of the process until now.
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // The fields after the name in parentheses: the 12th and 13th are ticks of a hundredth of a second.
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.map(|field| field.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }

    pub fn resident_mib(&self) -> f64 {
        self.memory("VmRSS:")
    }

    pub fn peak_resident_mib(&self) -> f64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, field: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<f64>()
            .unwrap()
            / 1024.0
    }
}

impl Drop for BenchServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
