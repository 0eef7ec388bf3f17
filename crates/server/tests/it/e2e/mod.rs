//! The binary: its processes, its files, its mail over the network. Few tests, with blocking I/O.

pub mod http;
mod load;
mod server;
mod sink;

mod activation;
mod audit;
mod backup;
mod breached;
mod certificates;
mod command_line;
mod configuration;
mod crash;
mod demo;
mod doctor;
mod drain;
mod durability;
#[cfg(feature = "aws")]
mod dynamodb;
mod ephemeral;
mod first_start;
mod flood;
mod hangup;
mod import;
mod inbox;
mod keys;
#[cfg(feature = "aws")]
mod lambda;
mod log;
mod mail;
mod migrate;
mod password_rules;
mod pepper;
mod raw_requests;
mod redis;
mod safeguards;
mod shutdown;
mod terminal;
mod tls;
mod users;

use server::mode;
pub use server::{Server, Setup, eventually};
pub use sink::MailSink;

/// Runs SQL on the file of a server that is stopped.
fn edit(setup: &Setup, sql: &str) {
    let script =
        "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as db: db.execute(sys.argv[2])";
    let file = setup.data_dir().join("doorward.db");
    let mut python = std::process::Command::new(sink::python());
    python.args(["-c", script]).arg(file).arg(sql);
    assert!(python.status().unwrap().success());
}
