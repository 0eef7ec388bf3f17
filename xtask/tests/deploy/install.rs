//! `install.sh` with a copy of the releases on this machine, the demo that CI tries (`.ci/smoke`), and the package that
//! `cargo install` installs.

use std::fs;
use std::io::BufRead;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use doorward_testkit::port::Port;
use doorward_testkit::process::{Process, said, succeed};
use doorward_testkit::tools::cargo;
use serde_json::Value;
use tempfile::TempDir;

use crate::files::{binary, read, root, tool};

/// The platforms of a release, and what `uname` prints there.
const PLATFORMS: [(&str, &str, &str); 4] = [
    ("x86_64-linux", "x86_64", "Linux"),
    ("aarch64-linux", "aarch64", "Linux"),
    ("aarch64-macos", "arm64", "Darwin"),
    ("x86_64-macos", "x86_64", "Darwin"),
];

/// The releases 0.1.0 and 0.2.0 on a local server, and a user's home.
struct Place {
    folder: TempDir,
    url: String,
    _server: Process,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let releases = folder.path().join("releases");
        for version in ["0.1.0", "0.2.0"] {
            publish(
                &releases.join("download").join(format!("v{version}")),
                version,
            );
        }
        fs::create_dir(releases.join("latest")).unwrap();
        symlink("../download/v0.2.0", releases.join("latest/download")).unwrap();
        for name in ["bin", "home", "tmp"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let mut server = tool("python");
        server.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]);
        let (server, mut lines) = Process::read(server.arg("--directory").arg(&releases));
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let url = line.split(['(', ')']).nth(1).unwrap();
        let url = url.trim_end_matches('/').to_owned();
        Self {
            folder,
            url,
            _server: server,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn installed(&self) -> PathBuf {
        self.path("home/.local/bin/doorward")
    }

    /// The script on a machine for which `uname` prints this, with these variables.
    fn run_on(&self, machine: &str, system: &str, variables: &[(&str, &str)]) -> Output {
        let uname = format!("case $1 in -m) echo {machine} ;; -s) echo {system} ;; esac\n");
        write_program(&self.path("bin/uname"), &uname);
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        let mut script = Command::new("sh");
        script.arg(root().join("install.sh")).env_clear();
        script.env("PATH", path).env("HOME", self.path("home"));
        script.env("TMPDIR", self.path("tmp"));
        script.env("DOORWARD_RELEASES", &self.url);
        let output = script.envs(variables.iter().copied()).output().unwrap();
        let left = fs::read_dir(self.path("tmp")).unwrap().count();
        assert_eq!(left, 0, "files are left: {}", said(&output));
        output
    }

    fn run(&self, variables: &[(&str, &str)]) -> Output {
        self.run_on("x86_64", "Linux", variables)
    }
}

/// Writes a release whose program prints its version.
fn publish(folder: &Path, version: &str) {
    fs::create_dir_all(folder).unwrap();
    for (platform, ..) in PLATFORMS {
        let name = format!("doorward-{version}-{platform}");
        let program = folder.join(&name).join("bin/doorward");
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        write_program(&program, &format!("echo doorward {version} {platform}\n"));
        let mut tar = Command::new("tar");
        tar.args(["-czf", &format!("{name}.tar.gz"), &name]);
        succeed(tar.current_dir(folder));
    }
    let mut sums = Command::new("sh");
    sums.args(["-c", "sha256sum -- *.tar.gz > SHA256SUMS"]);
    succeed(sums.current_dir(folder));
}

fn write_program(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[track_caller]
fn refused(output: &Output, reason: &str) {
    assert!(!output.status.success(), "{}", said(output));
    assert!(said(output).contains(reason), "{}", said(output));
}

#[test]
fn the_script_installs_the_newest_release_on_each_platform_and_says_what_comes_next() {
    let place = Place::new();
    for (platform, machine, system) in PLATFORMS {
        let output = place.run_on(machine, system, &[]);
        let message = said(&output);
        assert!(output.status.success(), "{message}");
        let installed = place.installed();
        let version = said(&succeed(&mut Command::new(&installed)));
        assert_eq!(version, format!("doorward 0.2.0 {platform}\n"));
        let next = format!("Start it: {} serve\n", installed.display());
        assert!(message.contains(&next), "{message}");
    }
}

#[test]
fn the_script_installs_the_requested_release_into_the_requested_folder() {
    let place = Place::new();
    let (folder, path) = (
        place.path("bin"),
        format!("{}:/usr/bin:/bin", place.path("bin").display()),
    );
    for version in ["0.1.0", "v0.1.0"] {
        let output = place.run(&[
            ("DOORWARD_VERSION", version),
            ("DOORWARD_INSTALL_DIR", folder.to_str().unwrap()),
            ("PATH", &path),
        ]);
        let message = said(&output);
        assert!(message.contains("Installed doorward 0.1.0 "), "{message}");
        assert!(message.contains("Start it: doorward serve\n"), "{message}");
        fs::remove_file(folder.join("doorward")).unwrap();
    }
    assert!(!place.installed().exists());
}

#[test]
fn a_changed_archive_is_not_installed() {
    let place = Place::new();
    assert!(place.run(&[("DOORWARD_VERSION", "0.1.0")]).status.success());
    let archive = place.path("releases/download/v0.2.0/doorward-0.2.0-x86_64-linux.tar.gz");
    // A sound archive, but another one.
    let other = place.path("releases/download/v0.1.0/doorward-0.1.0-x86_64-linux.tar.gz");
    fs::copy(other, archive).unwrap();
    refused(
        &place.run(&[]),
        "the checksum of doorward-0.2.0-x86_64-linux.tar.gz is wrong",
    );
    let version = said(&succeed(&mut Command::new(place.installed())));
    assert_eq!(
        version, "doorward 0.1.0 x86_64-linux\n",
        "the old one is kept"
    );
}

#[test]
fn a_machine_without_a_download_and_a_missing_release_are_reported() {
    let place = Place::new();
    let on = |machine, system| place.run_on(machine, system, &[]);
    refused(&on("riscv64", "Linux"), "there is no download for riscv64");
    refused(&on("x86_64", "FreeBSD"), "there is no download for FreeBSD");
    let missing = place.run(&[("DOORWARD_VERSION", "9.9.9")]);
    refused(&missing, "/download/v9.9.9/SHA256SUMS");
    let sums = place.path("releases/download/v0.1.0/SHA256SUMS");
    let text = fs::read_to_string(&sums).unwrap();
    let others = text.lines().filter(|line| !line.contains("x86_64-linux"));
    fs::write(&sums, others.collect::<Vec<_>>().join("\n")).unwrap();
    let missing = place.run(&[("DOORWARD_VERSION", "0.1.0")]);
    refused(&missing, "this release has no download for x86_64-linux");
    assert!(!place.installed().exists());
}

/// A shell runs a script while it downloads it.
#[test]
fn a_script_that_was_cut_off_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let script = read("install.sh");
    let lines: Vec<_> = script.lines().collect();
    assert_eq!(lines.last(), Some(&"main"));
    for length in (0..lines.len()).step_by(5).chain([lines.len() - 1]) {
        let mut sh = Command::new("sh");
        sh.args(["-c", &lines[..length].join("\n")]).env_clear();
        let output = sh.env("PATH", "/usr/bin:/bin").env("HOME", folder.path());
        // A function that was cut off is a syntax error, which also does nothing.
        assert_eq!(output.output().unwrap().stdout, b"", "{length} lines");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Only the release workflow knows the repository.
#[test]
fn a_script_that_is_not_from_a_release_asks_for_one() {
    let place = Place::new();
    let from = "https://github.com/OWNER/doorward/releases";
    refused(
        &place.run(&[("DOORWARD_RELEASES", from)]),
        "this file is not from a release",
    );
    let release = read(".github/workflows/release.yml");
    assert!(release.contains("sed \"s|OWNER/doorward|$REPOSITORY|\" install.sh"));
    assert!(read("install.sh").contains("\nREPOSITORY=OWNER/doorward\n"));
}

/// CI runs it with the image, and a release with each binary.
#[test]
fn the_smoke_test_passes_with_a_demo_and_fails_without_one() {
    let port = Port::free();
    let smoke = |program: &Path, arguments: &[&str]| {
        let mut smoke = Command::new(root().join(".ci/smoke"));
        smoke.arg(program).args(arguments).env_clear();
        smoke.env("PATH", "/usr/bin:/bin");
        smoke.env("DOORWARD_LISTEN", format!("127.0.0.1:{}", port.number));
        smoke.output().unwrap()
    };
    let passed = smoke(&binary(), &["serve", "--demo"]);
    assert!(passed.status.success(), "{}", said(&passed));
    let failed = smoke(&binary(), &["serve", "--demos"]);
    refused(&failed, "unexpected argument '--demos'");
}

/// `cargo install --git` takes the package by its name, and the versions of the lock file.
#[test]
fn cargo_install_finds_the_program_in_the_package_that_the_readme_names() {
    assert!(
        read("README.md")
            .contains("cargo install --locked --git https://github.com/OWNER/doorward doorward\n")
    );
    let mut metadata = cargo();
    metadata.args([
        "metadata",
        "--locked",
        "--offline",
        "--no-deps",
        "--format-version=1",
    ]);
    let output = succeed(&mut metadata);
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages
        .iter()
        .find(|package| package["name"] == "doorward")
        .unwrap();
    let targets = package["targets"].as_array().unwrap();
    let programs = targets.iter().filter(|target| target["kind"][0] == "bin");
    let programs: Vec<_> = programs.map(|target| &target["name"]).collect();
    assert_eq!(programs, ["doorward"]);
}
