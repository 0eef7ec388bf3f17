//! A bare axum handler in a separate process, as the baseline of session checks.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

pub const ARGUMENT: &str = "--bare-handler";

/// The server process. It is killed on drop.
pub struct Baseline {
    child: Child,
    pub address: SocketAddr,
}

impl Baseline {
    pub fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(ARGUMENT)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            child,
            address: line.trim().parse().unwrap(),
        }
    }
}

impl Drop for Baseline {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until the process is killed. The response has about the size of a user.
pub fn serve() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        let body = serde_json::json!({
            "id": "019363a0-5a3e-7c41-9f0e-2b9d1c3a4e5f", "username": "user1", "email": null, "name": null, "role": "user",
            "status": "active", "data": {}, "created_at": "2026-11-21T08:00:00Z", "updated_at": "2026-11-21T08:00:00Z",
        });
        let router = axum::Router::new().route("/", axum::routing::get(move || async move { axum::Json(body) }));
        axum::serve(listener, router).await.unwrap();
    });
}
