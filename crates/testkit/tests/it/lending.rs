//! `lend-servers`, with borrowers in this process and in others. The last test needs the binary: `cargo build`.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use doorward_testkit::process::{Process, succeed};
use doorward_testkit::servers;
use doorward_testkit::wait::until;
use tempfile::TempDir;

const VARIABLE: &str = "DOORWARD_TEST_SERVERS";

/// A running `lend-servers`. It ends with its standard input.
struct Lender {
    process: Child,
    folder: TempDir,
}

impl Lender {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_lend-servers"));
        command.arg(folder.path().join("socket"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.as_mut().unwrap());
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self { process, folder }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// A loan of this kind, and the URL.
    fn lend(&self, kind: &str) -> (UnixStream, String) {
        let mut loan = UnixStream::connect(self.socket()).unwrap();
        writeln!(loan, "{kind}").unwrap();
        let mut url = String::new();
        BufReader::new(&loan).read_line(&mut url).unwrap();
        (loan, url.trim_end().to_owned())
    }

    /// Waits for its end after the end of its input, or after this signal.
    fn end(mut self, signal: Option<&str>) {
        let mut input = self.process.stdin.take();
        match signal {
            Some(signal) => {
                let id = self.process.id().to_string();
                succeed(Command::new("kill").args(["-s", signal, &id]));
            }
            None => input = None,
        }
        self.process.wait().unwrap();
        drop(input);
    }
}

/// A test in another process, which has a database on PostgreSQL, and its URL.
fn borrower(lender: Option<&Lender>) -> (Process, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "lending::has_a_database", "--ignored"]);
    command.arg("--nocapture");
    match lender {
        Some(lender) => command.env(VARIABLE, lender.socket()),
        None => command.env_remove(VARIABLE),
    };
    let (process, output) = Process::read(&command);
    let mut lines = output.lines().map_while(Result::ok);
    let url = lines.find_map(|line| Some(line[line.find("postgres://")?..].to_owned()));
    (process, url.expect("it prints the URL"))
}

#[test]
#[ignore = "the other tests start it in another process"]
fn has_a_database() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    println!("{}", runtime.unwrap().block_on(servers::postgres()));
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

fn exists(url: &str) -> bool {
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-A", "-t", "-c", "SELECT 1", url]);
    psql.output().unwrap().status.success()
}

/// The folder of the PostgreSQL at this URL.
fn folder(url: &str) -> &Path {
    Path::new(url.split_once("?host=").unwrap().1)
}

#[test]
fn the_database_of_a_killed_borrower_is_dropped() {
    let lender = Lender::start();
    let (_loan, kept) = lender.lend("postgres");
    let (killed, url) = borrower(Some(&lender));
    assert!(exists(&url), "{url}");
    drop(killed);
    until("the database is dropped", || (!exists(&url)).then_some(()));
    assert!(exists(&kept), "{kept}");
}

#[test]
fn borrowers_have_different_databases_on_one_server() {
    let lender = Lender::start();
    let (_process, of_one) = borrower(Some(&lender));
    let (_loan, of_other) = lender.lend("postgres");
    assert_ne!(of_one, of_other);
    assert_eq!(folder(&of_one), folder(&of_other));
    assert!(exists(&of_one) && exists(&of_other));
}

#[test]
fn without_the_variable_a_test_starts_its_own_server() {
    let (process, url) = borrower(None);
    let folder = folder(&url);
    assert!(exists(&url) && folder.exists(), "{url}");
    drop(process);
    until("its server ends with it", || {
        (!folder.exists()).then_some(())
    });
}

#[test]
fn servers_end_with_the_lender() {
    for signal in [None, Some("TERM"), Some("KILL")] {
        let lender = Lender::start();
        let (_loan, url) = lender.lend("redis");
        let socket = url.strip_prefix("redis+unix://").unwrap().to_owned();
        assert!(Path::new(&socket).exists(), "{url}");
        lender.end(signal);
        let is_gone = || (!Path::new(&socket).exists()).then_some(());
        until("the server has ended", is_gone);
    }
}

/// A store would otherwise migrate each database by itself, and no test would show that.
#[test]
fn a_database_for_a_store_is_migrated() {
    let lender = Lender::start();
    let (_loans, urls): (Vec<_>, Vec<_>) = ["migrated-postgres", "migrated-mariadb"]
        .map(|kind| lender.lend(kind))
        .into_iter()
        .unzip();
    for url in urls {
        let folder = tempfile::tempdir().unwrap();
        let mut doorward = Command::new(servers::doorward_binary());
        doorward.args(["migrate", "--json"]).env_clear();
        doorward.env("DATABASE_URL", &url).current_dir(&folder);
        let output = succeed(&mut doorward).stdout;
        let output: serde_json::Value = serde_json::from_slice(&output).unwrap();
        assert_eq!(output["applied"], serde_json::json!([]), "{url}");
    }
}
