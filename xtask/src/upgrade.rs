//! `cargo xtask upgrade`: the previous release and this one, together on one database.
//!
//! A separate task, since it builds a second Doorward.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::run::{cargo, root, run, target};
use crate::tools;

/// The commit to upgrade from: the first with the present schema, since there is no release yet. From the first
/// release on, the tag of the previous release.
const PREVIOUS: &str = "df5ac36";

/// Builds the previous release from the repository, and runs the test that needs it.
pub(crate) fn upgrade() -> anyhow::Result<()> {
    tools::install()?;
    let previous = build_previous()?;
    let mut test = cargo(&[
        "test",
        "--locked",
        "--package",
        "doorward",
        "--test",
        "nodes",
    ]);
    test.args(["upgrade::", "--", "--ignored", "--nocapture"]);
    run(test.env("DOORWARD_TEST_PREVIOUS", previous))
}

/// Builds it from git, in separate folders below the target folder: the working tree does not change.
fn build_previous() -> anyhow::Result<PathBuf> {
    let folder = target().join("previous").join(PREVIOUS);
    let program = folder.join("target/debug/doorward");
    if program.is_file() {
        return Ok(program);
    }
    let source = folder.join("source");
    std::fs::create_dir_all(&source)?;
    unpack(&source)?;
    let mut build = cargo(&["build", "--locked", "--package", "doorward"]);
    build.current_dir(&source);
    run(build.env("CARGO_TARGET_DIR", folder.join("target")))?;
    Ok(program)
}

fn unpack(into: &std::path::Path) -> anyhow::Result<()> {
    // The repository may have another owner, as in a CI container.
    let mut archive = Command::new("git")
        .current_dir(root())
        .args(["-c", "safe.directory=*", "archive", PREVIOUS])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run git")?;
    let packed = archive.stdout.take().context("git has no output")?;
    let unpacked = run(Command::new("tar")
        .arg("-x")
        .arg("-C")
        .arg(into)
        .stdin(packed));
    if !archive.wait()?.success() {
        bail!(
            "the repository has no {PREVIOUS}: fetch its whole history first (`git fetch --unshallow --tags`)"
        );
    }
    unpacked
}
