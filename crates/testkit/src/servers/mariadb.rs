//! MariaDB, as the distribution installs it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::borrow::borrow;
use super::commands::{
    command_as, copy_folder, find_program, folder_for, run, run_with_input, unused_name,
};
use super::doorward::migrate;
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
    new_database("mariadb").await
}

/// The URL of a new database on MariaDB for a store, which migrates it when it connects. A lent one is migrated
/// already, which saves time.
pub async fn mariadb_for_store() -> String {
    new_database("migrated-mariadb").await
}

async fn new_database(kind: &'static str) -> String {
    blocking(move || {
        let name = unused_name();
        external::new_mysql_database(&name)
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

/// Like [`create`], with the newest schema. MariaDB has no templates: it runs the dump of a database that is migrated
/// once, which has fewer statements than the migrations.
pub(super) fn create_migrated(name: &str) -> String {
    static DUMP: OnceLock<String> = OnceLock::new();
    let dump = DUMP.get_or_init(|| {
        let name = unused_name();
        migrate(&create(&name));
        run(client("mariadb-dump").arg(name))
    });
    execute(&format!("CREATE DATABASE {name}; USE {name};\n{dump}"));
    url(name)
}

/// Drops a database.
pub(super) fn drop_database(name: &str) {
    execute(&format!("DROP DATABASE {name}"));
}

fn url(name: &str) -> String {
    let socket = server().folder.join("socket");
    format!("mysql://root@localhost/{name}?socket={}", socket.display())
}

fn execute(sql: &str) {
    run_with_input(&mut client("mariadb"), sql);
}

fn client(name: &str) -> Command {
    let mut client = Command::new(program(name));
    client.args(["--no-defaults", "--user=root", "--socket"]);
    client.arg(server().folder.join("socket"));
    client
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(start)
}

fn start() -> Server {
    let folder = folder_for(USER);
    let data = folder.join("data");
    create_data(&folder, &data);
    let mut server = command_as(USER, &program("mariadbd"));
    server.args([
        "--no-defaults",
        "--skip-networking",
        "--skip-log-bin",
        // For all tests that run at a time; a node has up to ten.
        "--max-connections=600",
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

/// A data folder to copy. It is deleted when the server of this process ends.
pub(super) fn initial_data() -> String {
    static DATA: OnceLock<PathBuf> = OnceLock::new();
    let data = DATA.get_or_init(|| {
        let folder = &server().folder;
        let data = folder.join("initial-data");
        create_data(folder, &data);
        data
    });
    data.display().to_string()
}

/// Creates the data folder of a server, in this folder, and returns its path. A copy of a lent one saves time.
pub(super) fn init(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    match borrow("mariadb-data") {
        Some(lent) => copy_folder(USER, Path::new(&lent), &data),
        None => create_data(folder, &data),
    }
    data
}

/// Creates a data folder. `folder` is for temporary files.
fn create_data(folder: &Path, data: &Path) {
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
}

pub(super) fn program(name: &str) -> PathBuf {
    let folders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"].map(PathBuf::from);
    find_program(name, &folders)
        .expect("MariaDB is not installed here; `cargo xtask test` installs it")
}
