//! Commands with which the tests set up servers: as another user, with input, from the folders of a distribution.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::piped;

/// A name for a database or for keys that no other test has, in this process or in another: random digits.
pub(super) fn unused_name() -> String {
    format!("test_{:016x}", RandomState::new().hash_one(()))
}

/// Space for the data of all servers that run at a time, in bytes.
const SPACE: u64 = 4 << 30;

/// Creates a folder that `user` owns, with a path that is short enough for a socket. It is in memory if there is enough, as
/// there is not in most containers: a database is several hundred files, and creating and deleting them on a disk takes
/// PostgreSQL longer than all statements of a test.
pub(super) fn folder_for(user: &str) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let parent = match rustix::fs::statvfs(memory) {
        Ok(found) if found.f_bavail * found.f_frsize >= SPACE => memory.to_owned(),
        _ => std::env::temp_dir(),
    };
    let folder = tempfile::Builder::new()
        .prefix("doorward-test-")
        .tempdir_in(parent);
    let folder = folder.expect("a folder for temporary files").keep();
    if is_root() {
        run(Command::new("chown").arg(user).arg(&folder));
    }
    folder
}

/// The command, as `user` if this process is root: database servers do not run as root.
pub(super) fn command_as(user: &str, program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", user, "--regid", user, "--clear-groups", "--"])
        .arg(program);
    command
}

/// Copies a file so that only `user` may read it.
pub(super) fn install(user: &str, file: &Path, own: &Path) {
    let mut install = Command::new("install");
    install.args(["-m", "600"]);
    if is_root() {
        install.args(["-o", user]);
    }
    run(install.arg(file).arg(own));
}

/// Copies a folder of `user`.
pub(super) fn copy_folder(user: &str, folder: &Path, own: &Path) {
    let mut copy = command_as(user, Path::new("cp"));
    run(copy.arg("--archive").arg(folder).arg(own));
}

fn is_root() -> bool {
    File::open("/proc/self")
        .and_then(|own| own.metadata())
        .is_ok_and(|own| own.uid() == 0)
}

/// Runs a command that must succeed, and returns its output.
pub(super) fn run(command: &mut Command) -> String {
    run_with_input(command, "")
}

/// Like [`run`], with input.
pub(super) fn run_with_input(command: &mut Command, input: &str) -> String {
    let output = piped(command, input);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {message}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Finds the program in the first of these folders that has it.
pub(super) fn find_program(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    folders
        .iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}
