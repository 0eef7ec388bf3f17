//! The disk is full: SQLite on a small file system, with room for any schema and journal until a file fills it.
//!
//! Mounting one needs root's rights. Without them, the size of the server's files is limited instead, which is
//! another error of the operating system with the same consequences.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::client::{Client, OTHER_PASSWORD, Outcome, PASSWORD};
use crate::database::assert_recovers;
use crate::readiness::is_ready;
use crate::server::{Server, Setup};

/// A separate file system. Unmounted when the test or its process ends.
struct SmallDisk {
    folder: TempDir,
    guard: Child,
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        self.guard.wait().ok();
    }
}

impl SmallDisk {
    /// `None` without the right to mount.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let script = r#"mount -t tmpfs -o size=64m,mode=700 doorward-test "$1" || exit
            trap '' INT TERM HUP; echo mounted; cat; umount -l "$1""#;
        let mut guard = Command::new("sh");
        guard.args(["-c", script, "guard"]).arg(folder.path());
        guard.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut disk = Self {
            folder,
            guard: guard.spawn().unwrap(),
        };
        let mut answer = String::new();
        let output = disk.guard.stdout.as_mut().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut answer).unwrap();
        (answer.trim() == "mounted").then_some(disk)
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }
}

/// A place for a server that can be made to run out of space.
trait LimitedDisk {
    fn fill(&self, server: &Server);
    fn free_space(&self, server: &Server);
}

impl LimitedDisk for SmallDisk {
    /// Uses up every byte.
    fn fill(&self, _server: &Server) {
        let mut filler = File::create(self.filler()).unwrap();
        while filler.write_all(&[0; 4096]).is_ok() {}
    }

    fn free_space(&self, _server: &Server) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

/// Limits the size of the server's files.
struct SmallFiles;

impl SmallFiles {
    fn limit(server: &Server, bytes: &str) {
        let mut prlimit = Command::new("prlimit");
        prlimit.args(["--pid", &server.id().to_string()]);
        let limited = prlimit.arg(format!("--fsize={bytes}:")).status();
        assert!(limited.unwrap().success());
    }
}

impl LimitedDisk for SmallFiles {
    fn fill(&self, server: &Server) {
        Self::limit(server, "1");
    }

    fn free_space(&self, server: &Server) {
        Self::limit(server, "unlimited");
    }
}

fn setup(data: &Path) -> Setup {
    Setup::new(PASSWORD)
        .with("DOORWARD_DATA_DIR", &data.display().to_string())
        // The limit must not kill the process.
        .under(&["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"])
}

/// Signs up users until five sign-ups in a row are refused and `/readyz` reports why.
///
/// Five, since a checkpoint of SQLite makes room in the journal for a few more.
fn sign_up_until_the_disk_is_full(client: Client) -> Vec<(String, Outcome)> {
    let mut outcomes = Vec::new();
    let mut refused = 0;
    while refused < 5 || is_ready(client) {
        assert!(outcomes.len() < 2000, "the disk is never full");
        let name = format!("late-{}", outcomes.len());
        let word = client.sign_up(&name);
        refused = match word {
            Outcome::Done(_) => 0,
            Outcome::Refused | Outcome::Unknown => refused + 1,
        };
        outcomes.push((name, word));
    }
    outcomes
}

fn survives_a_full_disk(setup: &Setup, disk: &impl LimitedDisk) {
    let server = setup.start();
    let client = Client::of(&server);
    client.sign_up("early").done();
    let token = client.sign_in("early", PASSWORD).unwrap();
    disk.fill(&server);
    let outcomes = sign_up_until_the_disk_is_full(client);
    // Small writes still fit now and then, since a checkpoint frees pages of the journal. Every success must be
    // true, full disk or not.
    if let Some(late) = client.sign_in("early", PASSWORD) {
        assert!(client.is_open(&late));
    }
    let changed = client.change_password(&token);
    client.check(&token).done();
    client
        .ask(200, "GET", "/user/me", Some(&token), None)
        .done();
    disk.free_space(&server);
    assert_recovers(client);
    client.sign_up("after").done();
    let holds = |client: Client| {
        for (name, word) in &outcomes {
            let is_there = client.knows(name, PASSWORD);
            assert_eq!(
                is_there,
                matches!(word, Outcome::Done(_)),
                "{name}: {word:?}"
            );
        }
        let is_changed = client.knows("early", OTHER_PASSWORD);
        assert_eq!(
            is_changed,
            matches!(changed, Outcome::Done(_)),
            "{changed:?}"
        );
        assert_eq!(client.knows("early", PASSWORD), !is_changed);
        assert!(client.is_open(&token));
    };
    holds(client);
    server.kill();
    let server = setup.start();
    holds(Client::of(&server));
    let (name, _) = outcomes.last().unwrap();
    Client::of(&server).sign_up(name).done();
}

#[test]
fn a_full_disk_rejects_writes_and_recovers_when_there_is_space() {
    let Some(disk) = SmallDisk::mount() else {
        println!("nothing may be mounted here: the other test alone has shown it");
        return;
    };
    survives_a_full_disk(&setup(disk.folder.path()), &disk);
}

#[test]
fn a_file_size_limit_has_the_same_effect_as_a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    survives_a_full_disk(&setup(folder.path()), &SmallFiles);
}
