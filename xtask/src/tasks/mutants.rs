//! `cargo xtask mutants`: removes checks from the domain, one at a time, and expects a test of the domain to fail
//! for each (T-MUTANT).
//!
//! The list is written by hand, not generated: it contains checks without which an attacker would get access. It
//! works on a copy of the repository, so the working tree does not change, and takes about half a minute for each
//! mutant. A test (`xtask/tests/security`) asserts that each check is still in its file, so the list cannot get
//! stale. To add one: a row in `xtask/mutants.txt`.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail, ensure};

use crate::nextest::nextest_run;
use crate::run::{root, run, target};
use crate::tools;

/// A check and its replacement.
struct Mutant {
    file: String,
    from: String,
    to: String,
}

/// Reads the list: a file, the original code (`\n` for a line break), its replacement, an empty line.
fn mutants() -> anyhow::Result<Vec<Mutant>> {
    let text = fs::read_to_string(root().join("xtask/mutants.txt"))?;
    let blocks = text.split("\n\n").map(str::trim);
    let blocks = blocks.filter(|block| !block.is_empty() && !block.starts_with('#'));
    blocks
        .map(|block| {
            let lines: Vec<_> = block.lines().collect();
            let [file, from, to] = lines[..] else {
                bail!("a mutant has three lines: {block}");
            };
            let of = |line: &str, mark: &str| {
                let rest = line
                    .strip_prefix(mark)
                    .map(|rest| rest.trim().replace("\\n", "\n"));
                rest.with_context(|| format!("`{line}` does not begin with `{mark}`"))
            };
            Ok(Mutant {
                file: file.to_owned(),
                from: of(from, "-")?,
                to: of(to, "+")?,
            })
        })
        .collect()
}

/// Tests each mutant, or those of files whose name contains `wanted`.
pub(crate) fn mutants_of(wanted: Option<&str>) -> anyhow::Result<()> {
    tools::install()?;
    let tree = target().join("mutants/tree");
    copy(&tree)?;
    if !passes(&tree)? {
        bail!("the domain's tests fail without a change");
    }
    let mut mutants = mutants()?;
    mutants.retain(|mutant| wanted.is_none_or(|wanted| mutant.file.contains(wanted)));
    ensure!(!mutants.is_empty(), "the list has no such file");
    let mut failed = 0;
    for mutant in mutants {
        let path = tree.join(&mutant.file);
        let sound = fs::read_to_string(&path)?;
        if sound.matches(&mutant.from).count() != 1 {
            bail!(
                "`{}` does not occur exactly once in {}",
                mutant.from,
                mutant.file
            );
        }
        fs::write(&path, sound.replace(&mutant.from, &mutant.to))?;
        let compiles = tests(&tree, true)?;
        let survives = compiles && tests(&tree, false)?;
        fs::write(&path, sound)?;
        let fate = match (compiles, survives) {
            (false, _) => "does not compile",
            (true, true) => "SURVIVES",
            (true, false) => "is noticed",
        };
        println!("{fate}: {}: {} -> {}", mutant.file, mutant.from, mutant.to);
        failed += usize::from(fate != "is noticed");
    }
    ensure!(
        failed == 0,
        "{failed} mutants do not compile, or are not noticed"
    );
    Ok(())
}

fn copy(tree: &Path) -> anyhow::Result<()> {
    let _ = fs::remove_dir_all(tree);
    fs::create_dir_all(tree)?;
    // With new files before they are staged, and without deleted ones, which are still listed.
    let copy = "git ls-files -z --cached --others --exclude-standard \
        | tar --create --null --files-from=- --ignore-failed-read | tar --extract --directory=\"$0\"";
    let mut shell = std::process::Command::new("sh");
    run(shell.args(["-c", copy]).arg(tree).current_dir(root()))
}

fn passes(tree: &Path) -> anyhow::Result<bool> {
    tests(tree, false)
}

/// Runs the domain's tests in the copy until one fails or hangs, or only compiles them.
fn tests(tree: &Path, only_compile: bool) -> anyhow::Result<bool> {
    let mut command = nextest_run();
    command.args(["--package", "doorward-domain"]);
    match only_compile {
        true => command.arg("--no-run"),
        false => command.args(["--fail-fast", "--retries", "0"]),
    };
    command
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", target().join("mutants/target"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Ok(command.status()?.success())
}
