//! Faults of this machine: rights, keys, file descriptors.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::{Setup, examine};

/// A master key's content, and another.
const KEY: &str = "kV3-qFz8_mLw29TtRb7uYxNe5sHd1GjP";
const OTHER: &str = "pW7-xDa2_nQs84YyCe6rUzMb3tJf9HkL";

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_key_that_others_can_read_is_a_fault() {
    let setup = Setup::new();
    setup.start().stop();
    let file = setup.data_dir().join("master.key");
    set_mode(&file, 0o644);
    let chmod = format!("chmod 600 {}", file.display());
    examine(&setup, &[])
        .expect_code(1)
        .expect("master key: file", "fault", "0644", &chmod);
    set_mode(&file, 0o600);
    set_mode(&setup.data_dir(), 0o755);
    examine(&setup, &[])
        .expect_code(0)
        .expect("master key: file", "fine", "backup", "")
        .expect("data folder", "warning", "0755", "chmod 700");
}

#[test]
fn a_key_that_is_gone_or_another_is_a_fault() {
    let setup = Setup::new();
    setup.start().stop();
    examine(&setup.clone().with("JWT_SECRET_KEY", OTHER), &[])
        .expect_code(1)
        .expect("master key", "fault", "", "JWT_SECRET_KEY");
    let file = setup.data_dir().join("master.key");
    std::fs::remove_file(&file).unwrap();
    examine(&setup, &[])
        .expect_code(1)
        .expect("master key", "fault", "not here", "backup");
    assert!(!file.exists(), "the doctor makes none");
    let report = examine(&setup.with("JWT_SECRET_KEY", KEY), &[]);
    assert!(!report.text.contains(KEY), "C-02");
}

/// As another user, where the test itself may do everything.
#[test]
fn a_folder_that_cannot_be_written_to_is_a_fault() {
    let setup = Setup::new().with("SMTP_URL", "log:");
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
    // The folder around is ours, and nobody else's to write to.
    set_mode(&folder, 0o555);
    let output = command.output().unwrap();
    set_mode(&folder, 0o755);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let finding = |part: &str| {
        let all = value["findings"].as_array().unwrap();
        all.iter()
            .find(|finding| finding["part"] == part)
            .unwrap()
            .clone()
    };
    for (part, mend) in [("data folder", "chown"), ("mail: folder", "chown")] {
        let finding = finding(part);
        assert_eq!(finding["verdict"], "fault", "{value}");
        assert!(
            finding["mend"].as_str().unwrap().contains(mend),
            "{finding}"
        );
    }
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn too_few_file_descriptors_are_worth_a_warning() {
    let setup = Setup::new();
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
fn hashes_that_do_not_fit_into_memory_are_a_fault() {
    let setup = Setup::new()
        .with("DOORWARD_HASHING__MEMORY_KIB", "262144")
        .with("DOORWARD_HASHING__THREADS", "256");
    examine(&setup, &[])
        .expect_code(1)
        .expect("memory", "fault", "65536 MiB", "hashing.threads");
}
