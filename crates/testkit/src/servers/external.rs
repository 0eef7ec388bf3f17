//! A server that is configured by its URL, instead of one started for the run: to test another version, or another
//! engine with the same protocol.
//!
//! ```text
//! DOORWARD_TEST_POSTGRES=postgres://user:password@host:5432 cargo test -p doorward-store-sql --test it contract::postgres::
//! DOORWARD_TEST_MYSQL=mysql://user:password@host:3306 cargo test -p doorward-store-sql --test it contract::mariadb::
//! DOORWARD_TEST_DYNAMODB=dynamodb://eu-central-1/tests cargo test -p doorward-store-dynamo --test it contract::
//! ```
//!
//! The user must be allowed to create databases or tables. Those of the tests (`doorward_test_…`, `tests-test_…`) are not
//! deleted.

use std::process::{Command, Stdio};

use super::commands::run;

/// The URL of a new database on the configured PostgreSQL, if there is one.
pub(super) fn new_postgres_database(name: &str) -> Option<String> {
    let server = variable("DOORWARD_TEST_POSTGRES")?;
    let name = format!("doorward_{name}");
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q"]).arg(format!("{server}/postgres"));
    run(psql.arg("-c").arg(format!("CREATE DATABASE {name}")));
    Some(format!("{server}/{name}"))
}

/// The URL of a new database on the configured MySQL or MariaDB, if there is one.
pub(super) fn new_mysql_database(name: &str) -> Option<String> {
    let server = variable("DOORWARD_TEST_MYSQL")?;
    let name = format!("doorward_{name}");
    let (_, address) = server.split_once("://").expect("a URL");
    let (login, address) = address.rsplit_once('@').unwrap_or(("root", address));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (host, port) = address.split_once(':').unwrap_or((address, "3306"));
    let mut client = Command::new("mariadb");
    client.args(["--no-defaults", "--host", host, "--port", port, "--user"]);
    client.arg(user).env("MYSQL_PWD", password);
    client.arg(format!("--execute=CREATE DATABASE {name}"));
    run(client.stdin(Stdio::null()));
    Some(format!("{server}/{name}"))
}

/// The URL of a table that does not exist yet, in the configured region of AWS, if there is one. Each test has a table.
pub(super) fn new_dynamodb_table(name: &str) -> Option<String> {
    let url = variable("DOORWARD_TEST_DYNAMODB")?;
    let (table, parameters) = url.split_once('?').unwrap_or((&url, ""));
    Some(format!("{table}-{name}?{parameters}"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "what a run of the tests is given, and no setting of the program"
)]
fn variable(name: &str) -> Option<String> {
    let url = std::env::var(name).ok()?;
    Some(url.trim_end_matches('/').to_owned())
}
