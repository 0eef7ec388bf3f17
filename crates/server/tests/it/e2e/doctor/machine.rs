//! Faults of the machine: permissions, keys, file descriptors.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::{Setup, examine};

/// A master key.
const KEY: &str = "kV3-qFz8_mLw29TtRb7uYxNe5sHd1GjP";
const OTHER: &str = "pW7-xDa2_nQs84YyCe6rUzMb3tJf9HkL";

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_key_that_other_users_can_read_is_a_failure() {
    let setup = Setup::on_a_file();
    setup.start().stop();
    let file = setup.data_dir().join("master.key");
    set_mode(&file, 0o644);
    let chmod = format!("chmod 600 {}", file.display());
    examine(&setup, &[])
        .expect_code(1)
        .expect("master key: file", "failed", "0644", &chmod);
    set_mode(&file, 0o600);
    set_mode(&setup.data_dir(), 0o755);
    examine(&setup, &[])
        .expect_code(0)
        .expect("master key: file", "passed", "backup", "")
        .expect("data folder", "warning", "0755", "chmod 700");
}

/// C-07: the doctor reports the warnings of a start as well.
#[test]
fn files_that_other_users_can_read_are_a_warning() {
    let setup = Setup::on_a_file();
    setup.start().stop();
    examine(&setup, &[]).expect_code(0);
    let database = setup.data_dir().join("doorward.db");
    set_mode(&database, 0o666);
    let chmod = format!("chmod o-rwx {}", database.display());
    examine(&setup, &[]).expect_code(0).expect(
        "configuration",
        "warning",
        "is the database",
        &chmod,
    );
}

#[test]
fn a_missing_or_different_key_is_a_failure() {
    let setup = Setup::on_a_file();
    setup.start().stop();
    examine(&setup.clone().with("JWT_SECRET_KEY", OTHER), &[])
        .expect_code(1)
        .expect("master key", "failed", "", "JWT_SECRET_KEY");
    let file = setup.data_dir().join("master.key");
    std::fs::remove_file(&file).unwrap();
    examine(&setup, &[]).expect_code(1).expect(
        "master key",
        "failed",
        "another master key",
        "backup",
    );
    assert!(!file.exists(), "the doctor creates no file");
    let report = examine(&setup.with("JWT_SECRET_KEY", KEY), &[]);
    assert!(!report.text.contains(KEY), "C-02");
}

/// Runs as another user if the test runs as root.
#[test]
fn a_folder_that_is_not_writable_is_a_failure() {
    let setup = Setup::on_a_file().with("SMTP_URL", "log:");
    let folder = setup.path("");
    set_mode(&folder, 0o755);
    std::fs::create_dir(setup.data_dir()).unwrap();
    set_mode(&setup.data_dir(), 0o555);
    let binary = setup.path("doorward");
    std::fs::copy(env!("CARGO_BIN_EXE_doorward"), &binary).unwrap();
    let is_root = rustix::process::geteuid().is_root();
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
        command.arg(&binary);
        command
    } else {
        Command::new(&binary)
    };
    command
        .args(["doctor", "--json"])
        .current_dir(&folder)
        .env_clear();
    command
        .env("DOORWARD_DATA_DIR", setup.data_dir())
        .env("PATH", "/usr/bin:/bin");
    command.env(
        "SMTP_URL",
        format!("folder:{}", setup.path("mails").display()),
    );
    // The parent folder belongs to the test, and no other user can write to it.
    set_mode(&folder, 0o555);
    let output = command.output().unwrap();
    set_mode(&folder, 0o755);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let finding = |part: &str| {
        let all = value["findings"].as_array().unwrap();
        all.iter()
            .find(|finding| finding["check"] == part)
            .unwrap()
            .clone()
    };
    for (part, expected_hint) in [("data folder", "chown"), ("mail: folder", "chown")] {
        let finding = finding(part);
        assert_eq!(finding["status"], "failed", "{value}");
        assert!(
            finding["hint"].as_str().unwrap().contains(expected_hint),
            "{finding}"
        );
    }
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn too_few_file_descriptors_are_a_warning() {
    let setup = Setup::on_a_file();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 1024; exec \"$0\" doctor"]);
    command.arg(env!("CARGO_BIN_EXE_doorward")).env_clear();
    command.env("DOORWARD_DATA_DIR", setup.data_dir());
    let output = command.current_dir(setup.path("")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "it works with fewer: {text}");
    assert!(
        text.contains("! open files") && text.contains("ulimit -n 16384"),
        "{text}"
    );
}

#[test]
fn hashing_that_exceeds_the_memory_is_a_failure() {
    let setup = Setup::on_a_file()
        .with("DOORWARD_HASHING__MEMORY_KIB", "262144")
        .with("DOORWARD_HASHING__THREADS", "256");
    examine(&setup, &[])
        .expect_code(1)
        .expect("memory", "failed", "65536 MiB", "hashing.threads");
}

/// The doctor's report with a separately mounted data folder, which is unmounted when the command ends.
fn with_mounted_data(setup: &Setup, mount: &str) -> serde_json::Value {
    std::fs::create_dir_all(setup.data_dir()).unwrap();
    let mut command = Command::new("unshare");
    command.arg("--mount");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    let script = format!("set -e; {mount}; exec \"$0\" doctor --json");
    command.args(["sh", "-c", &script, env!("CARGO_BIN_EXE_doorward")]);
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("DOORWARD_DATA_DIR", setup.data_dir());
    let output = command.current_dir(setup.path("")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

fn fault_on<'v>(value: &'v serde_json::Value, part: &str) -> &'v serde_json::Value {
    let all = value["findings"].as_array().unwrap();
    let is_such =
        |finding: &&serde_json::Value| finding["check"] == part && finding["status"] == "failed";
    all.iter()
        .find(is_such)
        .unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn a_full_disk_is_a_failure() {
    let report = with_mounted_data(&Setup::on_a_file(), "mount -t tmpfs -o size=1m tmpfs data");
    let finding = fault_on(&report, "disk");
    assert!(
        finding["hint"]
            .as_str()
            .unwrap()
            .contains("Free disk space")
    );
}

/// Not even root can write there.
#[test]
fn a_read_only_folder_is_a_failure() {
    let mount = "mount --bind data data && mount -o remount,bind,ro data";
    let report = with_mounted_data(&Setup::on_a_file(), mount);
    let finding = fault_on(&report, "data folder");
    assert!(
        finding["hint"]
            .as_str()
            .unwrap()
            .contains("mount it for writing")
    );
}
