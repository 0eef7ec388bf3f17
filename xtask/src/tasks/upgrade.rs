//! `cargo xtask upgrade`: the previous release and this one, together on one database.
//!
//! A separate task, since it builds a second Doorward.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::nextest::{nextest, run_tests};
use crate::run::{cargo, root, run, target};
use crate::{servers, tools};

/// Folder of the migrations.
const MIGRATIONS: &str = "crates/store-sql/migrations";

/// Builds the previous release from the repository, and runs the test that needs it.
pub(crate) fn upgrade() -> anyhow::Result<()> {
    tools::install()?;
    let previous = build_previous()?;
    let mut test = nextest("binary_id(doorward::nodes) & test(/^upgrade::/)");
    servers::lend(&mut test)?;
    test.args(["--run-ignored", "only"]);
    run_tests(test.env("DOORWARD_TEST_PREVIOUS", previous))
}

/// The commit to upgrade from, since there is no release yet: the last one without the newest migration. With a single
/// migration, the last commit that changed it.
fn previous() -> anyhow::Result<String> {
    let files = std::fs::read_dir(root().join(MIGRATIONS))?;
    let names = files.map(|file| Ok(file?.file_name()));
    let names: BTreeSet<_> = names.collect::<std::io::Result<_>>()?;
    let newest = names.last().context("there is no migration")?;
    let newest = format!("{MIGRATIONS}/{}", newest.display());
    // The parent of the commit that added it; of a single one, the last commit that changed it.
    let (change, before) = match names.len() {
        1 => ("--diff-filter=AM", ""),
        _ => ("--diff-filter=A", "^"),
    };
    // A merge can add it as well, with another number than in its branch.
    let log = ["log", "-1", "--format=%H", "--first-parent", "-m", change];
    let output = git(&[log.as_slice(), &["--", &newest]].concat()).output()?;
    let commit = String::from_utf8_lossy(&output.stdout);
    if commit.trim().is_empty() {
        bail!("git has no commit of {newest}: commit it, or fetch the whole history first");
    }
    Ok(format!("{}{before}", commit.trim()))
}

/// Git in the repository, which may have another owner, as in a CI container.
fn git(arguments: &[&str]) -> Command {
    let mut git = Command::new("git");
    git.current_dir(root()).args(["-c", "safe.directory=*"]);
    git.args(arguments);
    git
}

/// Builds it from git, in separate folders below the target folder: the working tree does not change.
fn build_previous() -> anyhow::Result<PathBuf> {
    let commit = previous()?;
    println!("the previous version is {commit}");
    let folder = target().join("previous").join(&commit);
    let program = folder.join("target/debug/doorward");
    if program.is_file() {
        return Ok(program);
    }
    // Those of earlier migrations.
    let _ = std::fs::remove_dir_all(target().join("previous"));
    let source = folder.join("source");
    std::fs::create_dir_all(&source)?;
    unpack(&commit, &source)?;
    let mut build = cargo(&["build", "--locked", "--package", "doorward"]);
    build.current_dir(&source);
    run(build.env("CARGO_TARGET_DIR", folder.join("target")))?;
    Ok(program)
}

fn unpack(commit: &str, into: &Path) -> anyhow::Result<()> {
    let mut archive = git(&["archive", commit])
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
            "the repository has no {commit}: fetch its whole history first (`git fetch --unshallow --tags`)"
        );
    }
    unpacked
}
