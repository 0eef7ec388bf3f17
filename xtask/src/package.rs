//! `cargo xtask package`: what people download, to be unpacked into `/usr/local`.
//!
//! The binary, its completions and man pages (which it writes itself), the documentation with all it
//! links to, and the licences, with a checksum beside. Of the repository only what is under git: what
//! somebody has tried out in it is theirs. The same tree packed twice is the same file, byte for byte:
//! names are sorted, the owner is root, and the time is that of the commit (or `SOURCE_DATE_EPOCH`).
//! To add a file: a line in [`DOCUMENTS`] or [`MADE`].

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::run::{cargo, root, run, target};

/// Files and folders of the repository, laid out as there, so that their links lead somewhere.
const DOCUMENTS: &[&str] = &[
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "clients",
    "deploy",
    "docs",
    "examples",
];

/// What the binary says when it is asked so, and into which file.
const MADE: &[(&[&str], &str)] = &[
    (
        &["completions", "bash"],
        "share/bash-completion/completions/doorward",
    ),
    (
        &["completions", "zsh"],
        "share/zsh/site-functions/_doorward",
    ),
    (
        &["completions", "fish"],
        "share/fish/vendor_completions.d/doorward.fish",
    ),
    (
        &["completions", "powershell"],
        "share/doorward/doorward.ps1",
    ),
    (&["init", "-"], "share/doorward/doorward.toml"),
];

/// Builds the binary, unless one is given, and packs.
pub(crate) fn package(binary: Option<String>) -> anyhow::Result<()> {
    let binary = match binary {
        Some(binary) => PathBuf::from(binary),
        None => {
            run(&mut cargo(&["build", "--release", "--locked"]))?;
            target().join("release/doorward")
        }
    };
    let folder = target().join("package");
    let name = format!(
        "doorward-{}-{}-{}",
        version(&binary)?,
        std::env::consts::ARCH,
        std::env::consts::OS
    );
    let tree = folder.join(&name);
    if tree.exists() {
        std::fs::remove_dir_all(&tree)?;
    }
    fill(&tree, &binary)?;
    let archive = format!("{name}.tar.gz");
    pack(&folder, &name, &archive)?;
    let sums = File::create(folder.join(format!("{archive}.sha256")))?;
    run(Command::new("sha256sum")
        .arg(&archive)
        .current_dir(&folder)
        .stdout(sums))?;
    println!("{}", folder.join(archive).display());
    Ok(())
}

fn version(binary: &Path) -> anyhow::Result<String> {
    let said = told(binary, &["--version"])?;
    let version = said.trim().strip_prefix("doorward ");
    Ok(version.context("the binary has no version")?.to_owned())
}

fn fill(tree: &Path, binary: &Path) -> anyhow::Result<()> {
    put(binary, &tree.join("bin/doorward"))?;
    let listed = git(&[&["ls-files", "-z", "--"], DOCUMENTS].concat())?;
    for file in listed.split_terminator('\0') {
        put(
            &root().join(file),
            &tree.join("share/doc/doorward").join(file),
        )?;
    }
    for (arguments, to) in MADE {
        let to = tree.join(to);
        make_folder_of(&to)?;
        std::fs::write(&to, told(binary, arguments)?)?;
    }
    let pages = tree.join("share/man/man1");
    let pages = pages.to_str().context("the target folder is no text")?;
    told(binary, &["man", "--out", pages]).map(drop)
}

/// What the binary says, with nothing set.
fn told(binary: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(binary)
        .args(arguments)
        .env_clear()
        .output()
        .with_context(|| format!("cannot run {}", binary.display()))?;
    if !output.status.success() {
        bail!(
            "{} {}: {}",
            binary.display(),
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn put(from: &Path, to: &Path) -> anyhow::Result<()> {
    make_folder_of(to)?;
    std::fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

fn make_folder_of(file: &Path) -> anyhow::Result<()> {
    let folder = file.parent().context("a file lies in a folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

fn pack(folder: &Path, name: &str, archive: &str) -> anyhow::Result<()> {
    let seconds = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => seconds,
        // When this commit was made.
        Err(_) => git(&["log", "-1", "--format=%ct"])?.trim().to_owned(),
    };
    run(Command::new("tar")
        .args(["--create", "--file", archive])
        .args(["--use-compress-program", "gzip --no-name --best"])
        .args(["--format=gnu", "--sort=name", "--numeric-owner"])
        .args(["--owner=0", "--group=0", "--mode=u=rwX,go=rX"])
        .arg(format!("--mtime=@{seconds}"))
        .arg(name)
        .current_dir(folder))
}

/// What git says of the repository, whoever owns it.
fn git(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git")
        .args(["-c", "safe.directory=*"])
        .args(arguments)
        .current_dir(root())
        .output()
        .context("cannot run git")?;
    if !output.status.success() || output.stdout.is_empty() {
        bail!(
            "git {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}
