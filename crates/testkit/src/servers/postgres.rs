//! PostgreSQL, in the newest installed version.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::borrow::borrow;
use super::commands::{command_as, copy_folder, find_program, folder_for, run, unused_name};
use super::doorward::migrate;
use super::external;
use super::server::{Server, blocking};

pub(super) const USER: &str = "postgres";

/// The URL of a new, empty database on PostgreSQL.
pub async fn postgres() -> String {
    new_database("postgres").await
}

/// The URL of a new database on PostgreSQL for a store, which migrates it when it connects. A lent one is migrated
/// already, which saves time.
pub async fn postgres_for_store() -> String {
    new_database("migrated-postgres").await
}

async fn new_database(kind: &'static str) -> String {
    blocking(move || {
        let name = unused_name();
        external::new_postgres_database(&name)
            .or_else(|| borrow(kind))
            .unwrap_or_else(|| create(&name))
    })
    .await
}

/// Creates an empty database on the server of this process, and returns its URL.
pub(super) fn create(name: &str) -> String {
    execute(&format!("CREATE DATABASE {name}"));
    url(name)
}

/// Like [`create`], with the newest schema: a copy of a database that is migrated once.
pub(super) fn create_migrated(name: &str) -> String {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let name = unused_name();
        migrate(&create(&name));
        name
    });
    execute(&format!("CREATE DATABASE {name} TEMPLATE {template}"));
    url(name)
}

/// Drops a database, and closes connections to it.
pub(super) fn drop_database(name: &str) {
    execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
}

fn url(name: &str) -> String {
    let folder = server().folder.display();
    format!("postgres://{USER}@localhost/{name}?host={folder}")
}

fn execute(sql: &str) {
    let mut psql = Command::new(program("psql"));
    psql.args(["-X", "-q", "-U", USER, "-d", "postgres", "-h"]);
    run(psql.arg(&server().folder).args(["-c", sql]));
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(start)
}

fn start() -> Server {
    let folder = folder_for(USER);
    let data = folder.join("data");
    create_data(&data);
    let mut server = command_as(USER, &program("postgres"));
    server.arg("-D").arg(&data).arg("-k").arg(&folder);
    for setting in [
        "listen_addresses=",
        // For all tests that run at a time; a node has up to ten.
        "max_connections=600",
        "fsync=off",
        "full_page_writes=off",
        "synchronous_commit=off",
    ] {
        server.args(["-c", setting]);
    }
    let socket = folder.clone();
    let is_ready = move || {
        let mut command = Command::new(program("pg_isready"));
        command.arg("-q").arg("-h").arg(&socket);
        command
    };
    Server::start(folder, "QUIT", &server, is_ready)
}

/// A data folder to copy. It is deleted when the server of this process ends.
pub(super) fn initial_data() -> String {
    static DATA: OnceLock<PathBuf> = OnceLock::new();
    let data = DATA.get_or_init(|| {
        let data = server().folder.join("initial-data");
        create_data(&data);
        data
    });
    data.display().to_string()
}

/// Creates the data folder of a server, in this folder, and returns its path. A copy of a lent one saves time.
pub(super) fn init(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    match borrow("postgres-data") {
        Some(lent) => copy_folder(USER, Path::new(&lent), &data),
        None => create_data(&data),
    }
    data
}

/// Creates a data folder.
fn create_data(data: &Path) {
    let mut initdb = command_as(USER, &program("initdb"));
    initdb.args(["--username=postgres", "--auth=trust", "--no-sync"]);
    initdb.args(["--encoding=UTF8", "--locale=C"]);
    run(initdb.arg("--pgdata").arg(data));
}

pub(super) fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut folders: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders.extend(["/usr/bin".into(), "/usr/local/bin".into()]);
    find_program(name, &folders)
        .expect("PostgreSQL is not installed here; `cargo xtask test` installs it")
}
