//! Backups taken during sign-ups, and a server on the restored data, as in `docs/operations/backup.md`.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use doorward_testkit::servers;
use serde_json::json;

use super::{Server, Setup, eventually, mode};
use crate::support::PASSWORD;

const SECRET: &str = "a backup is worth what its restore is worth 1";

/// Both servers have the same public URL, so that a session survives the move.
fn on_sqlite() -> Setup {
    Setup::on_a_file()
        .with("DOORWARD_PUBLIC_URL", "http://localhost:8000")
        .with("DOORWARD_THROTTLE__ENABLED", "false")
        .with("ADMIN_PASSWORD", PASSWORD)
        .with("JWT_SECRET_KEY", SECRET)
}

fn setup(url: &str) -> Setup {
    on_sqlite().with("DATABASE_URL", url)
}

fn sign_up(server: &Server, number: usize) {
    let body = json!({"username": format!("user-{number}"), "password": PASSWORD});
    server.post("/user", body).expect(201);
}

/// Takes the backup during sign-ups, and checks the restored data.
fn backup_is_complete(setup: &Setup, back_up: impl FnOnce(), restored: impl FnOnce() -> Setup) {
    let server = Arc::new(setup.start());
    let token = server.sign_in("admin", PASSWORD);
    let made = Arc::new(AtomicUsize::new(0));
    let is_finished = Arc::new(AtomicBool::new(false));
    let people = {
        let (server, made, is_finished) = (server.clone(), made.clone(), is_finished.clone());
        std::thread::spawn(move || {
            while !is_finished.load(Ordering::SeqCst) {
                sign_up(&server, made.load(Ordering::SeqCst));
                made.fetch_add(1, Ordering::SeqCst);
            }
        })
    };
    let has_made = |count| move || (made.load(Ordering::SeqCst) >= count).then_some(());
    let counted = has_made.clone();
    eventually("some have signed up", counted(10));
    back_up();
    eventually("sign-ups go on after the backup", has_made(12));
    is_finished.store(true, Ordering::SeqCst);
    people.join().unwrap();
    drop(server);

    let server = restored().start();
    let list = server.send("GET", "/user?limit=200", Some(&token), None);
    let list = list.expect(200).json();
    let users = list["items"].as_array().unwrap();
    assert!(users.len() > 10, "who signed up before is there");
    for user in users {
        let name = user["username"].as_str().unwrap();
        server.sign_in(name, PASSWORD);
    }
}

#[test]
fn sqlite_is_backed_up_and_restored() {
    let setup = on_sqlite();
    let copy = setup.path("copy.db");
    let file = copy.to_str().unwrap().to_owned();
    let back_up = || {
        setup.run(&["backup", &file]).expect(0);
        assert_eq!(mode(&copy), 0o600);
    };
    backup_is_complete(&setup, back_up, || {
        let database = setup.data_dir().join("doorward.db");
        for name in ["doorward.db-wal", "doorward.db-shm"] {
            std::fs::remove_file(setup.data_dir().join(name)).ok();
        }
        std::fs::copy(&copy, database).unwrap();
        setup.clone()
    });
    let again = setup.run(&["backup", &file]).expect(1);
    assert!(again.err.contains("cannot create"), "{}", again.err);
    assert!(copy.exists(), "an older copy is left alone");
    // A name is a plain file name, even if SQLite would parse it as a URI.
    let odd = "file:copy?mode=memory";
    setup.run(&["backup", odd]).expect(0);
    let length = |name| std::fs::metadata(setup.path(name)).unwrap().len();
    assert!(length(odd) > 0);
}

#[test]
fn postgres_is_dumped_and_restored() {
    let (url, empty) = (start(servers::postgres()), start(servers::postgres()));
    let setup = setup(&url);
    let dump = setup.path("dump");
    let back_up = || {
        let target = File::create(&dump).unwrap();
        run(Command::new("pg_dump").arg(&url).stdout(target));
    };
    backup_is_complete(&setup, back_up, || {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"])
            .arg(&dump);
        run(psql.arg(&empty).stdout(Stdio::null()));
        self::setup(&empty)
    });
    let refused = setup.run(&["backup", "copy.db"]).expect(1);
    assert!(refused.err.contains("pg_dump"), "{}", refused.err);
    assert!(!setup.path("copy.db").exists());
}

#[test]
fn mariadb_is_dumped_and_restored() {
    let (url, empty) = (start(servers::mariadb()), start(servers::mariadb()));
    let setup = setup(&url);
    let dump = setup.path("dump");
    let back_up = || {
        let target = File::create(&dump).unwrap();
        let mut command = client("mariadb-dump", &url);
        run(command
            .args(["--single-transaction", name_of(&url)])
            .stdout(target));
    };
    backup_is_complete(&setup, back_up, || {
        let source = File::open(&dump).unwrap();
        run(client("mariadb", &empty).arg(name_of(&empty)).stdin(source));
        self::setup(&empty)
    });
}

fn start(server: impl Future<Output = String>) -> String {
    tokio::runtime::Runtime::new().unwrap().block_on(server)
}

/// A client of MariaDB on the socket in the URL.
fn client(program: &str, url: &str) -> Command {
    let (_, socket) = url.split_once("?socket=").unwrap();
    let mut command = Command::new(program);
    command.args(["--no-defaults", "--user=root", "--socket"]);
    command.arg(Path::new(socket));
    command
}

fn name_of(url: &str) -> &str {
    let (head, _) = url.split_once('?').unwrap();
    head.rsplit('/').next().unwrap()
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}
