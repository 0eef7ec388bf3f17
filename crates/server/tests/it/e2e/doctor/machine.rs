//! Faults of the machine: the master key and the disk.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{Setup, examine};

/// A master key.
const KEY: &str = "kV3-qFz8_mLw29TtRb7uYxNe5sHd1GjP";
const OTHER: &str = "pW7-xDa2_nQs84YyCe6rUzMb3tJf9HkL";

#[test]
fn a_missing_different_or_readable_key_is_a_failure() {
    let setup = Setup::on_a_file();
    setup.start().stop();
    examine(&setup.clone().with("JWT_SECRET_KEY", OTHER), &[])
        .expect_code(1)
        .expect("master key", "failed", "", "JWT_SECRET_KEY");
    let file = setup.data_dir().join("master.key");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let chmod = format!("Run `chmod 600 {}`", file.display());
    examine(&setup, &[]).expect_code(1).expect(
        "master key",
        "failed",
        "other users can read",
        &chmod,
    );
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

/// The data folder is a separate file system, which is unmounted when the command ends.
#[test]
fn a_full_disk_is_a_failure() {
    let setup = Setup::on_a_file();
    std::fs::create_dir_all(setup.data_dir()).unwrap();
    let mut command = Command::new("unshare");
    command.arg("--mount");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    let script = "set -e; mount -t tmpfs -o size=1m tmpfs data; exec \"$0\" doctor --json";
    command.args(["sh", "-c", script, env!("CARGO_BIN_EXE_doorward")]);
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("DOORWARD_DATA_DIR", setup.data_dir());
    let output = command.current_dir(setup.path("")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let findings = report["findings"].as_array().unwrap();
    let disk = findings.iter().find(|finding| finding["check"] == "disk");
    let disk = disk.unwrap_or_else(|| panic!("{report}"));
    assert_eq!(disk["status"], "failed");
    let hint = disk["hint"].as_str().unwrap();
    assert!(hint.contains("Free disk space"), "{hint}");
}
