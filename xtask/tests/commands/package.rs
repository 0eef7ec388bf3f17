//! The package: complete, reproducible, and it runs where it is unpacked.

use std::path::{Path, PathBuf};
use std::process::Command;

use doorward_testkit::servers::doorward_binary;
use doorward_testkit::tools::tool;

use crate::{outcome, stdout_of};

/// Packs this binary, with a separate target folder.
fn pack(binary: &Path, target: &Path) -> PathBuf {
    let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
    xtask
        .arg("package")
        .arg(binary)
        .env("CARGO_TARGET_DIR", target)
        // There may be a commit in the meantime.
        .env("SOURCE_DATE_EPOCH", "1800000000");
    PathBuf::from(stdout_of(&mut xtask).lines().last().unwrap())
}

#[test]
fn a_package_is_reproducible_and_runs_where_it_is_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    // The binary may be rebuilt in the meantime.
    let binary = folder.path().join("doorward");
    std::fs::copy(doorward_binary(), &binary).unwrap();
    // At the same time, since the documents may change in the meantime, too.
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(|| pack(&binary, &folder.path().join("two")));
        let first = pack(&binary, &folder.path().join("one"));
        (first, other.join().unwrap())
    });
    let is_same = std::fs::read(&first).unwrap() == std::fs::read(&second).unwrap();
    let mut diff = Command::new("diff");
    diff.args(["--recursive", "--brief"]);
    diff.arg(first.parent().unwrap())
        .arg(second.parent().unwrap());
    assert!(
        is_same,
        "{}",
        String::from_utf8_lossy(&outcome(&mut diff).stdout)
    );
    let sums = format!("{}.sha256", first.file_name().unwrap().to_str().unwrap());
    let place = first.parent().unwrap();
    stdout_of(
        Command::new("sha256sum")
            .args(["--check", &sums])
            .current_dir(place),
    );

    the_zip_file_has_the_program(&first, &binary);
    let listed = stdout_of(
        Command::new("tar")
            .args(["--list", "--verbose", "--file"])
            .arg(&first),
    );
    assert!(
        listed.lines().all(|line| line.contains(" 0/0 ")),
        "{listed}"
    );
    assert!(
        !listed.lines().any(|line| line.starts_with("-rwxrwx")),
        "{listed}"
    );

    let prefix = folder.path().join("usr/local");
    std::fs::create_dir_all(&prefix).unwrap();
    let mut tar = Command::new("tar");
    stdout_of(
        tar.args(["--extract", "--strip-components=1", "--file"])
            .arg(&first)
            .arg("-C")
            .arg(&prefix),
    );
    for file in [
        "bin/doorward",
        "share/bash-completion/completions/doorward",
        "share/zsh/site-functions/_doorward",
        "share/fish/vendor_completions.d/doorward.fish",
        "share/doorward/doorward.ps1",
        "share/doc/doorward/THIRD-PARTY-LICENSES.txt",
        "share/doc/doorward/sbom.cdx.json",
        "share/doorward/doorward.toml",
        "share/man/man1/doorward.1",
        "share/man/man1/doorward-user-list.1",
        "share/doc/doorward/README.md",
        "share/doc/doorward/LICENSE-MIT",
        "share/doc/doorward/LICENSE-APACHE",
        "share/doc/doorward/docs/CONFIGURATION.md",
    ] {
        assert!(prefix.join(file).is_file(), "{file} is not in it");
    }
    the_units_name_a_page_in_the_package(&prefix);
    let run = |arguments: &[&str]| {
        let mut doorward = Command::new(prefix.join("bin/doorward"));
        stdout_of(
            doorward
                .args(arguments)
                .env_clear()
                .current_dir(folder.path()),
        )
    };
    assert!(run(&["--version"]).starts_with("doorward "));
    let shown = prefix.join("share/doorward/doorward.toml");
    run(&["config", "check", "--config", shown.to_str().unwrap()]);
    run(&["migrate"]);
    run(&["user", "list"]);
}

/// The zip file for AWS Lambda, next to the archive.
fn the_zip_file_has_the_program(archive: &Path, binary: &Path) {
    const LIST: &str = "\
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as file:
    for entry in file.infolist():
        print(entry.filename, oct(entry.external_attr >> 16), entry.date_time[0])
    assert file.read('bootstrap') == open(sys.argv[2], 'rb').read()
";
    let name = archive.to_str().unwrap().replace(".tar.gz", "-lambda.zip");
    let mut python = tool("python");
    let listed = stdout_of(python.args(["-c", LIST, &name]).arg(binary));
    assert_eq!(listed, "bootstrap 0o100755 1980\n");
}

fn the_units_name_a_page_in_the_package(prefix: &Path) {
    for unit in ["doorward.service", "doorward.socket"] {
        let path = prefix.join("share/doc/doorward/deploy/systemd").join(unit);
        let text = std::fs::read_to_string(&path).unwrap();
        let page = text
            .lines()
            .find_map(|line| line.strip_prefix("Documentation=file:///usr/local/"))
            .unwrap();
        assert!(prefix.join(page).is_file(), "{unit}: {page} is not in it");
    }
}
