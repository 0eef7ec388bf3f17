//! The servers of `lend-servers`: one of each kind for many test processes, with a database for each loan.
//!
//! cargo-nextest runs each test in its own process, which would otherwise start its own servers. The protocol is one line
//! of text each way: the borrower sends a kind and receives a URL, or the path of a data folder to copy. The connection is
//! the loan. When it closes, also because the borrower was killed, its database is dropped. If nothing can be lent, the
//! connection closes without a line, and the reason is in standard error.
//!
//! To add a kind: an arm in `serve`, and a function beside [`postgres()`](super::postgres()) that borrows it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};

use super::commands::unused_name;
use super::{dynamodb, mariadb, postgres, redis};

/// Lends to each process that connects, until this process ends. A server starts with its first loan and ends with this
/// process.
///
/// # Panics
/// If a connection cannot be accepted.
pub fn lend(listener: &UnixListener) {
    for borrower in listener.incoming() {
        let borrower = borrower.expect("a connection");
        std::thread::spawn(|| serve(borrower));
    }
}

fn serve(mut borrower: UnixStream) {
    let mut kind = String::new();
    BufReader::new(&borrower)
        .read_line(&mut kind)
        .expect("a line");
    let name = unused_name();
    // A test has its own prefix on a shared Redis, and its keys end with the server.
    let keep = |_: &str| {};
    let (answer, take_back): (_, fn(&str)) = match kind.trim_end() {
        "postgres" => (postgres::create(&name), postgres::drop_database),
        "migrated-postgres" => (postgres::create_migrated(&name), postgres::drop_database),
        "mariadb" => (mariadb::create(&name), mariadb::drop_database),
        "migrated-mariadb" => (mariadb::create_migrated(&name), mariadb::drop_database),
        "postgres-data" => (postgres::initial_data(), keep),
        "mariadb-data" => (mariadb::initial_data(), keep),
        // A test has its own table, which ends with the emulator.
        "dynamodb" => (dynamodb::endpoint(), keep),
        "redis" => (redis::redis_url(), keep),
        "valkey" => (redis::valkey_url(), keep),
        "redis-cluster" => (wait(redis::cluster_url()), keep),
        other => panic!("there is no server of the kind `{other}`"),
    };
    // A borrower that has ended in the meantime reads nothing.
    writeln!(borrower, "{answer}").ok();
    std::io::copy(&mut borrower, &mut std::io::sink()).ok();
    take_back(&name);
}

fn wait<T>(answer: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(answer)
}
