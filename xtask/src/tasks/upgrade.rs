//! `cargo xtask upgrade`: the previous release and this one, together on one database.
//!
//! A separate task, since it builds a second Doorward.

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

/// The commit to upgrade from, since there is no release yet: the newest one whose migrations are the first of today's, but
/// not all. A branch whose migrations were numbered again by a merge is passed over. With a single migration, the last commit
/// that changed it.
fn previous() -> anyhow::Result<String> {
    let files = std::fs::read_dir(root().join(MIGRATIONS))?;
    let names = files.map(|file| Ok(file?.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.collect::<std::io::Result<_>>()?;
    names.sort_unstable();
    if names.len() == 1 {
        let newest = format!("{MIGRATIONS}/{}", names[0]);
        let log = ["log", "-1", "--format=%H", "--diff-filter=AM", "--"];
        let changed = lines_of(&[log.as_slice(), &[newest.as_str()]].concat())?;
        return changed
            .first()
            .cloned()
            .context("git has no commit of the migration");
    }
    let folder = format!("{MIGRATIONS}/");
    for commit in lines_of(&["rev-list", "--date-order", "HEAD"])? {
        let paths = lines_of(&["ls-tree", "--name-only", &commit, &folder])?;
        let before: Vec<_> = paths
            .iter()
            .filter_map(|path| path.strip_prefix(&folder))
            .collect();
        if !before.is_empty()
            && before.len() < names.len()
            && names.iter().zip(&before).all(|(a, b)| a == b)
        {
            return Ok(commit);
        }
    }
    bail!(
        "git has no commit without the newest migration: commit it, or fetch the whole history first"
    )
}

fn lines_of(arguments: &[&str]) -> anyhow::Result<Vec<String>> {
    let output = git(arguments).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().map(str::to_owned).collect())
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
