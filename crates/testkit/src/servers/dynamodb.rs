//! DynamoDB: the emulator ministack, which all tests share, each with its own table.
//!
//! It keeps the promises of DynamoDB on conditions, transactions and tokens, and its limits. It never throttles, has no
//! conflicts, and its indexes are never late. It does not delete what has expired, since the clock of a test stands still
//! in the past.

use std::process::Command;
use std::sync::OnceLock;

use super::borrow::borrow;
use super::commands::{folder_for, unused_name};
use super::external;
use super::server::{Server, blocking};
use crate::port::Port;
use crate::tools::tool;

/// Starts it without its thread for expired items.
const SCRIPT: &str = "\
import sys, threading
start = threading.Thread.start
is_reaper = lambda thread: thread.name == 'dynamodb-ttl-reaper'
threading.Thread.start = lambda self: None if is_reaper(self) else start(self)
from ministack.app import main
sys.argv = ['ministack']
main()
";

/// The URL of a table that does not exist yet, on an emulator that is lent or started once per test process.
pub async fn dynamodb() -> String {
    blocking(|| {
        let name = unused_name();
        external::new_dynamodb_table(&name).unwrap_or_else(|| {
            let endpoint = borrow("dynamodb").unwrap_or_else(endpoint);
            format!("dynamodb://local/{name}?endpoint={endpoint}")
        })
    })
    .await
}

/// The endpoint of the emulator of this process.
pub(super) fn endpoint() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let server = SERVER.get_or_init(start);
    let port = server.port.as_ref().expect("it has a port");
    format!("http://127.0.0.1:{}", port.number)
}

fn start() -> Server {
    let port = Port::free();
    let number = port.number;
    let mut command = Command::new("env");
    command
        .args([
            "BIND_HOST=127.0.0.1",
            "SERVICES=dynamodb",
            "LOG_LEVEL=WARNING",
        ])
        .arg(format!("GATEWAY_PORT={number}"))
        .arg(tool("python").get_program())
        .args(["-c", SCRIPT]);
    let is_ready = move || {
        let mut ready = Command::new("curl");
        ready.args(["--silent", "--fail", "--max-time", "5"]);
        ready.arg(format!("http://127.0.0.1:{number}/_ministack/health"));
        ready
    };
    let mut server = Server::start(folder_for("root"), "KILL", &command, is_ready);
    server.port = Some(port);
    server
}
