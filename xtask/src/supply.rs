//! `cargo xtask supply`: compares the binary's dependencies with what was approved. A step of `cargo xtask test`,
//! except advisories, which change without a commit and are a step of `cargo xtask verify`.
//!
//! `deny.toml` lists the allowed crates, licences and sources. `xtask/supply/unsafe.tsv` has a line for each crate
//! of the release: its version and the number of `unsafe` in its source. New crates and more `unsafe` show up in
//! that file, and so in review; `cargo xtask bless` writes it. Checks of the repository alone (pins,
//! workflows, Doorward's code) are tests in `xtask/tests/supply`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::run::{cargo, root, run};
use crate::tools;

/// Maximum number of external crates in the default binary, and with the features of a released one.
/// `docs/decisions/0039-number-of-crates.md` names what the numbers leave room for.
const MAX_CRATES: [(&[&str], usize); 2] = [(&[], 330), (&RELEASED, 380)];
/// The features of a released binary.
const RELEASED: [&str; 2] = ["--features", "aws"];
/// The approved crates, with their number of `unsafe`.
const APPROVED: &str = "xtask/supply/unsafe.tsv";
/// Repository of the advisories.
const ADVISORIES: &str = "https://github.com/RustSec/advisory-db";

/// A crate of the release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Component {
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Its licence, as an SPDX expression.
    pub(crate) license: String,
    /// `true` if it is in this repository.
    pub(crate) is_ours: bool,
}

/// Installs the tools and checks.
pub(crate) fn supply() -> anyhow::Result<()> {
    tools::install()?;
    check()?;
    advisories()
}

/// Checks everything but advisories, once the tools are installed.
pub(crate) fn check() -> anyhow::Result<()> {
    fetch_sources()?;
    run_cargo_deny(&["bans", "licenses", "sources"])?;
    for (features, most) in MAX_CRATES {
        let parts = parts_of(&tree_with(features, "normal,build", "none")?);
        let others = parts.iter().filter(|part| !part.is_ours).count();
        let of = features.join(" ");
        if others > most {
            bail!(
                "the binary {of} has {others} external crates; the maximum is {most}. Remove one, or raise MAX_CRATES"
            );
        }
        println!("{others} external crates, at most {most} {of}");
    }
    compare_unsafe(&parts("normal,build")?)
}

fn run_cargo_deny(what: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new(tools::program("cargo-deny"));
    command
        .args(["--locked", "--log-level", "error", "check"])
        .args(["--hide-inclusion-graph", "--allow", "duplicate"])
        .args(what);
    run(command.current_dir(root()))
}

/// Known vulnerabilities and yanked versions, if their database can be reached. In CI it must be.
pub(crate) fn advisories() -> anyhow::Result<()> {
    let asked = Command::new("git")
        .args(["-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=10"])
        .args(["ls-remote", "--exit-code", ADVISORIES, "HEAD"])
        .env("GIT_TERMINAL_PROMPT", "0")
        .output();
    if asked.is_ok_and(|output| output.status.success()) {
        return run_cargo_deny(&["advisories"]);
    }
    let unreachable = format!("advisories: NOT CHECKED, since {ADVISORIES} cannot be reached");
    if std::env::var_os("CI").is_some() {
        bail!(unreachable);
    }
    println!("{unreachable} from here; the public CI checks them every day");
    Ok(())
}

/// The crates of the release for this machine, sorted by name; `edges` in Cargo's terms.
pub(crate) fn parts(edges: &str) -> anyhow::Result<Vec<Component>> {
    Ok(parts_of(&tree(edges, "none")?))
}

fn parts_of(tree: &str) -> Vec<Component> {
    let lines = tree.lines().filter_map(part);
    let mut parts: Vec<Component> = lines.map(|(_, part)| part).collect();
    parts.sort();
    parts.dedup();
    parts
}

/// Output of `cargo tree` for a released binary.
pub(crate) fn tree(edges: &str, prefix: &str) -> anyhow::Result<String> {
    tree_with(&RELEASED, edges, prefix)
}

fn tree_with(features: &[&str], edges: &str, prefix: &str) -> anyhow::Result<String> {
    let output = cargo(&["tree", "--package", "doorward", "--locked"])
        .args(features)
        .args(["--edges", edges, "--prefix", prefix])
        .args(["--format", "{p} | {l}"])
        .output()
        .context("cannot run cargo tree")?;
    if !output.status.success() {
        bail!("cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Parses a line of the tree. The depth is 0 if the line has none.
pub(crate) fn part(line: &str) -> Option<(usize, Component)> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let depth = line[..digits].parse().unwrap_or_default();
    let (package, license) = line[digits..].split_once(" | ")?;
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    let part = Component {
        name: name.to_owned(),
        version: version.to_owned(),
        license: license.trim_end_matches(" (*)").to_owned(),
        is_ours: package.contains("(/"),
    };
    Some((depth, part))
}

/// Writes the table that [`check`] compares.
pub(crate) fn bless() -> anyhow::Result<()> {
    fetch_sources()?;
    std::fs::write(root().join(APPROVED), table(&parts("normal,build")?)?)?;
    Ok(())
}

/// Downloads the sources that are missing; the others are read where they are.
fn fetch_sources() -> anyhow::Result<()> {
    run(&mut cargo(&["fetch", "--locked", "--quiet"]))
}

/// A line for each crate with its number of `unsafe`.
fn table(parts: &[Component]) -> anyhow::Result<String> {
    let mut table = String::from("crate\tversion\tunsafe\n");
    let mut total = 0;
    for part in parts.iter().filter(|part| !part.is_ours) {
        let count = unsafe_in(&source_of(part)?)?;
        total += count;
        writeln!(table, "{}\t{}\t{count}", part.name, part.version)?;
    }
    println!("{total} occurrences of `unsafe` in dependencies, none in this project");
    Ok(table)
}

/// Counts `unsafe`, and compares with the approved table.
fn compare_unsafe(parts: &[Component]) -> anyhow::Result<()> {
    let table = table(parts)?;
    let agreed = std::fs::read_to_string(root().join(APPROVED)).unwrap_or_default();
    let lines = |text: &str| -> BTreeMap<String, String> {
        let rows = text.lines().filter_map(|line| line.rsplit_once('\t'));
        rows.map(|(name, count)| (name.to_owned(), count.to_owned()))
            .collect()
    };
    let (found, agreed) = (lines(&table), lines(&agreed));
    if found != agreed {
        let new = found
            .iter()
            .filter(|(name, n)| agreed.get(*name) != Some(n));
        let gone = agreed.keys().filter(|name| !found.contains_key(*name));
        let reported: Vec<_> = new
            .map(|(name, count)| format!("  {name}: {count}"))
            .chain(gone.map(|name| format!("  {name}: removed")))
            .collect();
        bail!(
            "the crates of the release differ from {APPROVED}. Review the difference, then run `cargo xtask bless`\n{}",
            reported.join("\n")
        );
    }
    Ok(())
}

/// Folder of a crate's unpacked source.
pub(crate) fn source_of(part: &Component) -> anyhow::Result<PathBuf> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cargo"),
    };
    let name = format!("{}-{}", part.name, part.version);
    for registry in std::fs::read_dir(home.join("registry/src"))? {
        let folder = registry?.path().join(&name);
        if folder.is_dir() {
            return Ok(folder);
        }
    }
    bail!("the source of {name} is not unpacked; build the release first");
}

/// Number of `unsafe` in a crate's source, which is more than is compiled: code for other systems counts too, so
/// that the number does not depend on the machine.
fn unsafe_in(folder: &Path) -> anyhow::Result<usize> {
    let mut count = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !["tests", "benches", "examples", "fuzz"].contains(&&*name) {
                count += unsafe_in(&path)?;
            }
        } else if name.ends_with(".rs") {
            count += count_unsafe(&String::from_utf8_lossy(&std::fs::read(&path)?));
        }
    }
    Ok(count)
}

/// Counts `unsafe` as a whole word, except in lines that are comments.
fn count_unsafe(code: &str) -> usize {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    code.lines()
        .filter(is_code)
        .flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .filter(|word| *word == "unsafe")
        .count()
}
