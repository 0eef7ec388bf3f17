//! The repository of the tests: its folder, its files, and those that are generated.

use std::path::Path;
use std::process::Command;

/// The folder of the workspace.
///
/// # Panics
/// Never: this crate is in it.
#[must_use]
pub fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).expect("the workspace")
}

/// The files that match one of these patterns and that git knows or would add, relative to the root. A new file is
/// tested before it is staged.
///
/// # Panics
/// If git fails, or if there are none: a test of no files would pass.
#[must_use]
pub fn tracked(patterns: &[&str]) -> Vec<String> {
    let output = Command::new("git")
        // The clone may belong to another user, as in a container.
        .args(["-c", "safe.directory=*", "ls-files", "--cached", "--others"])
        .args(["--exclude-standard", "--"])
        .args(patterns)
        .current_dir(root())
        .output()
        .unwrap_or_else(|error| panic!("git: {error}"));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git ls-files: {message}");
    let files: Vec<_> = String::from_utf8(output.stdout)
        .expect("names of files are UTF-8")
        .lines()
        .map(str::to_owned)
        // A file that was deleted but not yet staged is still listed.
        .filter(|file| root().join(file).exists())
        .collect();
    assert!(!files.is_empty(), "git knows no file like {patterns:?}");
    files
}

/// Compares a generated file of the repository with its text. `cargo xtask bless` sets `BLESS`; the file is then written
/// first.
///
/// # Panics
/// If the file differs, or cannot be written.
#[track_caller]
#[expect(
    clippy::disallowed_methods,
    reason = "`cargo xtask bless` sets the variable for the tests that it runs"
)]
pub fn assert_generated(file: &str, text: &str) {
    let path = root().join(file);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == text,
        "{file} differs from the code: run `cargo xtask bless`"
    );
}
