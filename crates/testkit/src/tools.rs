//! Programs that `cargo xtask tools` has put into the target folder: those from PyPI, and those from
//! npm with a Node.js of their own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Cargo's target folder, whatever it is called.
///
/// # Panics
/// Outside a test that cargo has built.
#[must_use]
pub fn target() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a file");
    let folder = test.ancestors().nth(3);
    folder.expect("it lies in target/debug/deps").to_owned()
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

/// With our Python and Node.js first on the search path.
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

/// What whoever runs the tests has set.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests' own settings; Doorward's configuration is not among them"
)]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
