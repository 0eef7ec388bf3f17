//! Programs that `cargo xtask tools` has installed in the target folder: from PyPI, from npm with its own Node.js,
//! and from Debian. And cargo.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::repository::root;

/// Cargo's target folder, under any name.
///
/// # Panics
/// Outside a program that cargo has built.
#[must_use]
pub fn target() -> PathBuf {
    let program = std::env::current_exe().expect("a program has a file");
    // A test lies in `target/debug/deps`, `lend-servers` in `target/debug`.
    let mut folders = program.ancestors().skip(1);
    let profile = folders.find(|folder| !folder.ends_with("deps"));
    let target = profile.and_then(Path::parent);
    target.expect("it lies in the target folder").to_owned()
}

/// Cargo in the workspace, as `cargo xtask` runs it: without the variables that `cargo test` has set for this
/// process. The build of ring depends on them, so ring and its dependents would be rebuilt.
#[must_use]
pub fn cargo() -> Command {
    let mut command = Command::new(variable("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    for name in variables() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// A program that came with the Python packages: `python`, `pytest`, `node` …
#[must_use]
pub fn tool(name: &str) -> Command {
    command(&python_programs().join(name))
}

/// A program that came with the npm packages: `newman`, `redocly`, `tsc` …
#[must_use]
pub fn npm_tool(name: &str) -> Command {
    command(&node_modules().join(".bin").join(name))
}

/// A program that Debian packages as a service, which should not be installed for a test: `nginx`, `caddy`,
/// `promtool`. The unpacked one, or the machine's own if there is none.
#[must_use]
pub fn debian_tool(name: &str) -> Command {
    let folders = [
        target().join("tools/debian/usr/bin"),
        target().join("tools/debian/usr/sbin"),
        PathBuf::from("/usr/sbin"),
    ];
    let files = folders.map(|folder| folder.join(name));
    let file = files.into_iter().find(|file| file.is_file());
    Command::new(file.unwrap_or_else(|| name.into()))
}

/// The installed npm packages.
#[must_use]
pub fn node_modules() -> PathBuf {
    target().join("tools/npm/node_modules")
}

fn python_programs() -> PathBuf {
    match variable("DOORWARD_TEST_PYTHON") {
        Some(python) => {
            let folder = Path::new(&python).parent();
            folder.expect("an interpreter lies in a folder").to_owned()
        }
        None => target().join("tools/python/bin"),
    }
}

/// A command with the tests' Python and Node.js first on the search path.
fn command(program: &Path) -> Command {
    assert!(
        program.exists(),
        "there is no {}: run `cargo xtask tools`",
        program.display()
    );
    let mut path: OsString = python_programs().into();
    path.push(":");
    path.push(variable("PATH").unwrap_or_default());
    let mut command = Command::new(program);
    command.env("PATH", path);
    command
}

/// An environment variable of the test run.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests' own settings; Doorward's configuration is not among them"
)]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

#[expect(clippy::disallowed_methods, reason = "the names alone")]
fn variables() -> impl Iterator<Item = OsString> {
    std::env::vars_os().map(|(name, _)| name)
}
