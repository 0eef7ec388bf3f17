//! `cargo xtask package`: the download, to be unpacked into `/usr/local`. On Linux also the zip file with which AWS Lambda
//! creates the functions.
//!
//! It contains the binary, its completions and man pages (printed by the binary), the documentation with all
//! linked files, all licences, and a bill of materials, which is also next to it, each with a checksum. Files
//! that git ignores are left out. The same tree always gives the same file, byte for byte: names are sorted, the owner is
//! root, and the time is that of the commit (or `SOURCE_DATE_EPOCH`). To add a file: a line in [`DOCUMENTS`] or
//! [`MADE`].

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::run::{cargo, root, run, target};
use crate::tasks::{sbom, zip};

/// Files and folders of the repository. Their layout is unchanged, so that their links work.
const DOCUMENTS: &[&str] = &[
    ".env.example",
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
    "openapi.json",
];

/// The page that links to the source: the package contains no source, so it has names instead of links.
const GENERATED: &str = "docs/SECURITY-MODEL.md";

/// Maximum size of the zip file for AWS Lambda: a process starts the later the larger it is.
const MAX_ZIP: u64 = 15_000_000;

/// Commands of the binary, and the file for the output of each.
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

/// What to pack.
#[derive(Debug, Default)]
struct Options {
    /// A binary that was built before.
    binary: Option<PathBuf>,
    /// A target triple of rustc. This machine must be able to run its programs.
    triple: Option<String>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--target" => {
                    options.triple = Some(arguments.next().context("--target needs a triple")?);
                }
                option if option.starts_with('-') => bail!("there is no option {option}"),
                _ => options.binary = Some(argument.into()),
            }
        }
        Ok(options)
    }
}

/// Builds the binary, unless one is given, and packs.
pub(crate) fn package(arguments: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let options = Options::parse(arguments)?;
    let triple = options.triple.as_deref();
    let platform = platform(triple)?;
    let is_release = options.binary.is_none();
    let binary = match options.binary {
        Some(binary) => binary,
        None => build(&target(), root(), triple)?,
    };
    let folder = target().join("package");
    let version = version(&binary)?;
    let name = format!("doorward-{version}-{platform}");
    let tree = folder.join(&name);
    if tree.exists() {
        std::fs::remove_dir_all(&tree)?;
    }
    fill(&tree, &binary)?;
    let bill = format!("{name}.cdx.json");
    std::fs::write(
        folder.join(&bill),
        sbom::document(&version, &written_at()?)?,
    )?;
    put(
        &folder.join(&bill),
        &tree.join("share/doc/doorward/sbom.cdx.json"),
    )?;
    let mut files = vec![bill];
    if platform.ends_with("linux") {
        let file = format!("{name}-lambda.zip");
        zip::write(&folder.join(&file), &binary, "bootstrap")?;
        let size = std::fs::metadata(folder.join(&file))?.len();
        if is_release && size > MAX_ZIP {
            bail!("{file} has {size} bytes, more than {MAX_ZIP}");
        }
        files.push(file);
    }
    let archive = format!("{name}.tar.gz");
    pack(&folder, &name, &archive)?;
    files.push(archive);
    for file in files {
        let sums = File::create(folder.join(format!("{file}.sha256")))?;
        run(Command::new("sha256sum")
            .arg(&file)
            .current_dir(&folder)
            .stdout(sums))?;
        println!("{}", folder.join(file).display());
    }
    Ok(())
}

/// Prints the bill of materials of this tree without a release.
pub(crate) fn print_bill() -> anyhow::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    print!("{}", sbom::document(version, &written_at()?)?);
    Ok(())
}

/// The end of an archive's name, such as `x86_64-linux`, for a target triple or for this machine. `install.sh` makes
/// it from the output of `uname`.
fn platform(triple: Option<&str>) -> anyhow::Result<String> {
    let Some(triple) = triple else {
        let (arch, system) = (std::env::consts::ARCH, std::env::consts::OS);
        return Ok(format!("{arch}-{system}"));
    };
    let parts: Vec<_> = triple.split('-').collect();
    match parts[..] {
        [arch, _, "linux", _] => Ok(format!("{arch}-linux")),
        [arch, "apple", "darwin"] => Ok(format!("{arch}-macos")),
        _ => bail!("no archive has a name for the target {triple}"),
    }
}

/// Builds the release without paths of this machine, and returns the binary: the same commit, toolchain and target
/// give the same file, byte for byte, in any folder.
fn build(target: &Path, workspace: &Path, triple: Option<&str>) -> anyhow::Result<PathBuf> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cargo"),
    };
    // A folder may have spaces in its name.
    let flags = [
        format!("--remap-path-prefix={}=/cargo", home.display()),
        format!("--remap-path-prefix={}=/doorward", workspace.display()),
        // The target folder may be in the workspace: if two match, the last one applies.
        format!("--remap-path-prefix={}=/target", target.display()),
    ];
    let mapped = [
        format!("'-ffile-prefix-map={}=/cargo'", home.display()),
        format!("'-ffile-prefix-map={}=/target'", target.display()),
    ];
    let mut command = cargo(&["build", "--release", "--locked", "--features", "aws"]);
    let mut built = target.to_owned();
    if let Some(triple) = triple {
        command.args(["--target", triple]);
        built.push(triple);
    }
    run(command
        .current_dir(workspace)
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_INCREMENTAL", "0")
        .env("SOURCE_DATE_EPOCH", seconds()?)
        .env("CFLAGS", mapped.join(" "))
        .env("CC_SHELL_ESCAPED_FLAGS", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f")))?;
    Ok(built.join("release/doorward"))
}

/// Asserts that two clones of this commit, built in two folders, give the same file. It takes two full builds, so
/// it is not a step of `cargo xtask test`.
pub(crate) fn reproduce(arguments: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let Options { triple, .. } = Options::parse(arguments)?;
    let folder = target().join("reproduce");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let mut sums = Vec::new();
    for name in ["one", "another place"] {
        let clone = folder.join(name);
        let tree = clone.join("tree");
        std::fs::create_dir_all(&clone)?;
        run(Command::new("git")
            .args([
                "-c",
                "safe.directory=*",
                "clone",
                "--quiet",
                "--no-hardlinks",
            ])
            .arg(root())
            .arg(&tree))?;
        let binary = build(&clone.join("target"), &tree, triple.as_deref())?;
        let output = Command::new("sha256sum").arg("--").arg(&binary).output()?;
        let text_of = String::from_utf8(output.stdout)?;
        let sum = text_of.trim_start_matches('\\').split(' ').next();
        sums.push(sum.unwrap_or_default().to_owned());
    }
    if sums[0] != sums[1] || sums[0].len() != 64 {
        bail!(
            "two builds of one commit differ: {} in {}",
            sums.join(" and "),
            folder.display()
        );
    }
    println!("{} twice", sums[0]);
    Ok(std::fs::remove_dir_all(folder)?)
}

/// Time of this commit in seconds, or `SOURCE_DATE_EPOCH`.
fn seconds() -> anyhow::Result<String> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => Ok(seconds),
        Err(_) => Ok(git(&["log", "-1", "--format=%ct"])?.trim().to_owned()),
    }
}

/// The same time in the format of RFC 3339.
fn written_at() -> anyhow::Result<String> {
    let output = Command::new("date")
        .args(["--utc", "+%Y-%m-%dT%H:%M:%SZ"])
        .arg(format!("--date=@{}", seconds()?))
        .output()
        .context("cannot run date")?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn version(binary: &Path) -> anyhow::Result<String> {
    let text_of = binary_output(binary, &["--version"])?;
    let version = text_of.trim().strip_prefix("doorward ");
    Ok(version.context("the binary has no version")?.to_owned())
}

/// The files of [`DOCUMENTS`] that git does not ignore.
pub(crate) fn documents() -> anyhow::Result<Vec<String>> {
    let list = "ls-files -z --cached --others --exclude-standard --".split(' ');
    let listed = git(&list.chain(DOCUMENTS.iter().copied()).collect::<Vec<_>>())?;
    Ok(listed.split_terminator('\0').map(str::to_owned).collect())
}

/// Copies them, with their layout, so that their links work.
pub(crate) fn copy_documents(folder: &Path) -> anyhow::Result<()> {
    for file in documents()? {
        let to = folder.join(&file);
        match file == GENERATED {
            true => {
                make_folder_of(&to)?;
                std::fs::write(
                    &to,
                    without_source(&std::fs::read_to_string(root().join(file))?),
                )?;
            }
            false => put(&root().join(file), &to)?,
        }
    }
    Ok(())
}

fn fill(tree: &Path, binary: &Path) -> anyhow::Result<()> {
    put(binary, &tree.join("bin/doorward"))?;
    copy_documents(&tree.join("share/doc/doorward"))?;
    for (arguments, to) in MADE {
        let to = tree.join(to);
        make_folder_of(&to)?;
        std::fs::write(&to, binary_output(binary, arguments)?)?;
    }
    let licences = tree.join("share/doc/doorward/THIRD-PARTY-LICENSES.txt");
    std::fs::write(licences, sbom::licences()?)?;
    let pages = tree.join("share/man/man1");
    let pages = pages
        .to_str()
        .context("the path of the target folder is not UTF-8")?;
    binary_output(binary, &["man", "--out", pages]).map(drop)
}

/// Replaces links into source folders by their text.
fn without_source(page: &str) -> String {
    let mut shown = String::with_capacity(page.len());
    let mut rest = page;
    while let Some(at) = rest.find("](../") {
        let (before, link) = rest.split_at(at);
        let is_source = ["crates/", "xtask/", "fuzz/", ".github/"]
            .iter()
            .any(|folder| link["](../".len()..].starts_with(folder));
        match (is_source, before.rfind('['), link.find(')')) {
            (true, Some(open), Some(end)) => {
                shown += &before[..open];
                shown += &before[open + 1..];
                rest = &link[end + 1..];
            }
            _ => {
                shown += before;
                shown += "](";
                rest = &link[2..];
            }
        }
    }
    shown + rest
}

/// Standard output of the binary, with an empty environment.
fn binary_output(binary: &Path, arguments: &[&str]) -> anyhow::Result<String> {
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
    let folder = file.parent().context("a file is in a folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

fn pack(folder: &Path, name: &str, archive: &str) -> anyhow::Result<()> {
    let seconds = seconds()?;
    run(Command::new("tar")
        .args(["--create", "--file", archive])
        .args(["--use-compress-program", "gzip --no-name --best"])
        .args(["--format=gnu", "--sort=name", "--numeric-owner"])
        .args(["--owner=0", "--group=0", "--mode=u=rwX,go=rX"])
        .arg(format!("--mtime=@{seconds}"))
        .arg(name)
        .current_dir(folder))
}

/// Output of git, for a repository of any owner.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_archive_has_architecture_and_system() {
        for (triple, name) in [
            ("x86_64-unknown-linux-musl", "x86_64-linux"),
            ("aarch64-unknown-linux-musl", "aarch64-linux"),
            ("aarch64-apple-darwin", "aarch64-macos"),
            ("x86_64-apple-darwin", "x86_64-macos"),
        ] {
            assert_eq!(platform(Some(triple)).unwrap(), name);
        }
        assert!(platform(Some("x86_64-pc-windows-msvc")).is_err());
    }
}
