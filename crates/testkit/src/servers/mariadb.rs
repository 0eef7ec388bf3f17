//! MariaDB, as the distribution installs it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::commands::{command_as, find_program, folder_for, run, unused_name};
use super::external;
use super::server::{Server, blocking};

pub(super) const USER: &str = "mysql";

/// Fast, but not durable.
const UNSAFE: [&str; 3] = [
    "--innodb-flush-method=nosync",
    "--innodb-flush-log-at-trx-commit=0",
    "--debug-no-sync",
];

/// The URL of a new, empty database on MariaDB.
pub async fn mariadb() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    blocking(|| {
        let database = unused_name();
        external::new_mysql_database(&database)
            .unwrap_or_else(|| new_database(SERVER.get_or_init(start), &database))
    })
    .await
}

fn start() -> Server {
    let folder = folder_for(USER);
    let data = init(&folder);
    let mut server = command_as(USER, &program("mariadbd"));
    server.args([
        "--no-defaults",
        "--skip-networking",
        "--skip-log-bin",
        "--max-connections=300",
    ]);
    server.args(UNSAFE);
    server.args([
        "--innodb-buffer-pool-size=64M",
        "--innodb-log-file-size=16M",
        "--innodb-file-per-table=0",
    ]);
    server.arg(format!("--datadir={}", data.display()));
    server.arg(format!("--tmpdir={}", folder.display()));
    server.arg(format!("--socket={}", folder.join("socket").display()));
    server.arg(format!("--pid-file={}", folder.join("pid").display()));
    let socket = folder.join("socket");
    let is_ready = move || {
        let mut command = Command::new(program("mariadb-admin"));
        command
            .args(["--no-defaults", "--user=root", "--silent", "--socket"])
            .arg(&socket)
            .arg("ping");
        command
    };
    Server::start(folder, "KILL", &server, is_ready)
}

fn new_database(server: &Server, name: &str) -> String {
    let socket = server.folder.join("socket");
    let mut client = Command::new(program("mariadb"));
    client
        .args(["--no-defaults", "--user=root", "--socket"])
        .arg(&socket);
    run(client
        .arg("--execute")
        .arg(format!("CREATE DATABASE {name}")));
    format!("mysql://root@localhost/{name}?socket={}", socket.display())
}

/// Creates the data folder and returns its path.
pub(super) fn init(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    let mut install = command_as(USER, &program("mariadb-install-db"));
    install.args(["--no-defaults", "--skip-test-db"]);
    install.arg("--auth-root-authentication-method=normal");
    // Small files, since each test with a separate server writes them.
    install
        .args(UNSAFE)
        .args(["--innodb-log-file-size=4M", "--aria-log-file-size=8M"]);
    install.arg(format!("--datadir={}", data.display()));
    // A separate folder: in /tmp, concurrent installations have deleted each other's tables.
    let folder = folder.display();
    run(install.arg(format!("--tmpdir={folder}")));
    data
}

pub(super) fn program(name: &str) -> PathBuf {
    let folders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"].map(PathBuf::from);
    find_program(name, &folders)
        .expect("MariaDB is not installed here; `cargo xtask test` installs it")
}
