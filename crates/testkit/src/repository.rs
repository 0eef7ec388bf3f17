//! The repository that the tests belong to: where it is, and which files are its own.

use std::path::Path;
use std::process::Command;

/// The workspace's folder.
///
/// # Panics
/// Never: this crate lies in it.
#[must_use]
pub fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).expect("the workspace")
}

/// The files under git that fit one of these patterns, from the root.
///
/// # Panics
/// Where git does not say, or there are none: a test of no files would pass.
#[must_use]
pub fn tracked(patterns: &[&str]) -> Vec<String> {
    let output = Command::new("git")
        // The clone may be somebody else's, as in a container.
        .args(["-c", "safe.directory=*", "ls-files", "--cached", "--"])
        .args(patterns)
        .current_dir(root())
        .output()
        .unwrap_or_else(|error| panic!("git: {error}"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git ls-files: {told}");
    let files: Vec<_> = String::from_utf8(output.stdout)
        .expect("names of files are UTF-8")
        .lines()
        .map(str::to_owned)
        // One that somebody is about to remove is no more.
        .filter(|file| root().join(file).exists())
        .collect();
    assert!(!files.is_empty(), "git knows no file like {patterns:?}");
    files
}
