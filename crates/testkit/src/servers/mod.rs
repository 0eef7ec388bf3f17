//! Database servers for the tests: started once a test process, on a Unix socket in a folder of
//! their own, with nothing kept safe on disk; an empty database a test.
//!
//! They end with the process, however it ends: each runs under a small shell (the *leash*) that
//! waits for the end of its input, which is a pipe this process holds open, and then kills the
//! server and removes its folder. No test has to clean up, and none can forget to.
//!
//! To add a server: a file beside these that knows its commands and its URL.

mod mariadb;
mod postgres;

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The URL of a new, empty database on PostgreSQL.
pub async fn postgres() -> String {
    new_database(|| {
        static SERVER: OnceLock<Server> = OnceLock::new();
        postgres::new_database(SERVER.get_or_init(postgres::start), &unused_name())
    })
    .await
}

/// The URL of a new, empty database on MariaDB.
pub async fn mariadb() -> String {
    new_database(|| {
        static SERVER: OnceLock<Server> = OnceLock::new();
        mariadb::new_database(SERVER.get_or_init(mariadb::start), &unused_name())
    })
    .await
}

async fn new_database(make: impl FnOnce() -> String + Send + 'static) -> String {
    tokio::task::spawn_blocking(make)
        .await
        .expect("a database server for the tests")
}

fn unused_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A running server. Dropped, it is killed and its folder is gone.
struct Server {
    folder: PathBuf,
    /// Holds the leash's input open.
    leash: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.leash.stdin.take());
        self.leash.wait().ok();
    }
}

/// What the leash does. `$1` is the folder, `$2` the signal that ends the server, then its command.
const LEASH: &str = r#"
folder=$1; signal=$2; shift 2
trap '' INT TERM HUP
"$@" >"$folder/log" 2>&1 &
server=$!
cat >/dev/null
kill -s "$signal" "$server"
wait "$server"
rm -rf "$folder"
"#;

impl Server {
    /// Starts it, and waits until `is_ready` answers with success.
    #[expect(
        clippy::disallowed_methods,
        reason = "a thread of its own waits, and no clock of ours moves a server"
    )]
    fn start(
        folder: PathBuf,
        signal: &str,
        command: &Command,
        is_ready: impl Fn() -> Command,
    ) -> Self {
        let mut leash = Command::new("sh");
        leash.args(["-c", LEASH, "leash"]).arg(&folder).arg(signal);
        leash.arg(command.get_program()).args(command.get_args());
        leash
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let leash = leash.spawn().expect("a shell starts");
        let server = Self { folder, leash };
        let patience = Instant::now() + Duration::from_secs(90);
        while !is_ready()
            .output()
            .is_ok_and(|answer| answer.status.success())
        {
            assert!(
                Instant::now() < patience,
                "the server did not come up: {}",
                server.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

/// A new folder that `user` owns, short enough a path for a socket.
fn folder_for(user: &str) -> PathBuf {
    let folder = tempfile::Builder::new().prefix("doorward-test-").tempdir();
    let folder = folder.expect("a folder for temporary files").keep();
    if is_root() {
        run(Command::new("chown").arg(user).arg(&folder));
    }
    folder
}

/// The command, as `user` where this process is root: database servers refuse to be.
fn command_as(user: &str, program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", user, "--regid", user, "--clear-groups", "--"])
        .arg(program);
    command
}

fn is_root() -> bool {
    File::open("/proc/self")
        .and_then(|own| own.metadata())
        .is_ok_and(|own| own.uid() == 0)
}

/// Runs a command that must succeed.
fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
}

/// The program, in the first of these folders that has it.
fn find_program(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    folders
        .iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}
