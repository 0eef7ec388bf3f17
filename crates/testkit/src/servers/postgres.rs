//! PostgreSQL, in the newest installed version.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::commands::{command_as, find_program, folder_for, run, unused_name};
use super::external;
use super::server::{Server, blocking};

pub(super) const USER: &str = "postgres";

/// The URL of a new, empty database on PostgreSQL.
pub async fn postgres() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    blocking(|| {
        let database = unused_name();
        external::new_postgres_database(&database)
            .unwrap_or_else(|| new_database(SERVER.get_or_init(start), &database))
    })
    .await
}

fn start() -> Server {
    let folder = folder_for(USER);
    let data = init(&folder);
    let mut server = command_as(USER, &program("postgres"));
    server.arg("-D").arg(&data).arg("-k").arg(&folder);
    for setting in [
        "listen_addresses=",
        "max_connections=300",
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

fn new_database(server: &Server, name: &str) -> String {
    let folder = server.folder.display();
    let mut psql = Command::new(program("psql"));
    psql.args(["-X", "-q", "-U", USER, "-d", "postgres", "-h"])
        .arg(&server.folder);
    run(psql.arg("-c").arg(format!("CREATE DATABASE {name}")));
    format!("postgres://{USER}@localhost/{name}?host={folder}")
}

/// Creates the data folder and returns its path.
pub(super) fn init(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    let mut initdb = command_as(USER, &program("initdb"));
    initdb.args(["--username=postgres", "--auth=trust", "--no-sync"]);
    initdb.args(["--encoding=UTF8", "--locale=C"]);
    run(initdb.arg("--pgdata").arg(&data));
    data
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
