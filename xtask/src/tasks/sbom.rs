//! The bill of materials of a release, as `CycloneDX` 1.6, and all licences. Generated from Cargo's dependency
//! data, and the same for the same commit, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::run::root;
use crate::supply::{Component, part, parts, source_of, tree};

/// Prefixes of licence file names.
const LICENCES: [&str; 6] = [
    "LICENSE",
    "LICENCE",
    "COPYING",
    "COPYRIGHT",
    "NOTICE",
    "UNLICENSE",
];

/// C or assembler code in a Rust crate, which no lock file lists.
struct VendoredCode {
    by: &'static str,
    name: &'static str,
    license: &'static str,
    version: Version,
}

/// Source of its version.
enum Version {
    /// A file contains it, after this prefix of a line.
    InFile {
        file: &'static str,
        prefix: &'static str,
    },
    /// No file contains it: the code was copied into these folders of the crate, and changed there. So the version
    /// is the crate's, with a digest of the folders.
    OfItsCrate(&'static [&'static str]),
}

/// The test of the bill fails for a crate that is built with a C compiler and is not listed here.
const VENDORED_CODE: &[VendoredCode] = &[
    VendoredCode {
        by: "libsqlite3-sys",
        name: "sqlite",
        license: "blessing",
        version: Version::InFile {
            file: "sqlite3/sqlite3.h",
            prefix: "#define SQLITE_VERSION",
        },
    },
    VendoredCode {
        by: "ring",
        name: "boringssl",
        license: "Apache-2.0 AND ISC",
        version: Version::OfItsCrate(&["crypto", "include", "pregenerated"]),
    },
    VendoredCode {
        by: "ring",
        name: "fiat-crypto",
        license: "MIT OR Apache-2.0 OR BSD-1-Clause",
        version: Version::OfItsCrate(&["third_party/fiat"]),
    },
];

/// File name extensions of C and assembler.
const NATIVE: [&str; 5] = ["c", "h", "inl", "S", "asm"];

/// The document. `written_at` is a time in the format of RFC 3339.
pub(crate) fn document(version: &str, written_at: &str) -> anyhow::Result<String> {
    let checksums = checksums()?;
    let shipped: BTreeSet<Component> = parts("normal,no-proc-macro")?.into_iter().collect();
    let mut components = Vec::new();
    for part in parts("normal,build")? {
        if part.name == "doorward" {
            continue;
        }
        let scope = if shipped.contains(&part) {
            "required"
        } else {
            // It is needed for the build and is not in the binary.
            "excluded"
        };
        let mut component = json!({
            "type": "library",
            "bom-ref": reference(&part),
            "name": part.name,
            "version": part.version,
            "scope": scope,
            "licenses": [{"expression": part.license.replace('/', " OR ")}],
            "purl": reference(&part),
        });
        if let Some(checksum) = checksums.get(&(part.name.clone(), part.version.clone())) {
            component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
        }
        components.push(component);
        components.extend(vendored_code(&part)?);
    }
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": written_at,
            "component": {
                "type": "application",
                "bom-ref": format!("pkg:cargo/doorward@{version}"),
                "name": "doorward",
                "version": version,
                "licenses": [{"expression": "MIT OR Apache-2.0"}],
                "purl": format!("pkg:cargo/doorward@{version}"),
            },
            "tools": {"components": [{"type": "application", "name": "cargo xtask package"}]},
        },
        "components": components,
        "dependencies": dependencies()?,
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn reference(part: &Component) -> String {
    format!("pkg:cargo/{}@{}", part.name, part.version)
}

/// Components for the C and assembler code of a crate.
fn vendored_code(part: &Component) -> anyhow::Result<Vec<Value>> {
    let own = VENDORED_CODE.iter().filter(|code| code.by == part.name);
    own.map(|code| code.component(part)).collect()
}

impl VendoredCode {
    fn component(&self, part: &Component) -> anyhow::Result<Value> {
        let reference = self.reference(part)?;
        let (_, version) = reference.rsplit_once('@').context("it has a version")?;
        let license = match self.license.contains(' ') {
            true => json!({"expression": self.license}),
            false => json!({"license": {"id": self.license}}),
        };
        let mut component = json!({
            "type": "library",
            "bom-ref": reference,
            "name": self.name,
            "version": version,
            "scope": "required",
            "licenses": [license],
            "purl": reference,
        });
        if let Version::OfItsCrate(folders) = self.version {
            let notes = format!(
                "Sources in C and assembler that {} {} has copied from {} and changed, in {}.",
                part.name,
                part.version,
                self.name,
                folders.join(", ")
            );
            component["pedigree"] = json!({"notes": notes});
            let digest = digest_of(&source_of(part)?, folders)?;
            component["properties"] = json!([{"name": "doorward:sources:sha256", "value": digest}]);
        }
        Ok(component)
    }

    fn reference(&self, part: &Component) -> anyhow::Result<String> {
        let version = match self.version {
            Version::OfItsCrate(_) => format!("{}-{}", part.name, part.version),
            Version::InFile { file, prefix } => {
                let path = source_of(part)?.join(file);
                let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
                let line = text.lines().find_map(|line| line.strip_prefix(prefix));
                let version = line.with_context(|| format!("{} has no version", path.display()))?;
                version.trim().trim_matches('"').to_owned()
            }
        };
        Ok(format!("pkg:generic/{}@{version}", self.name))
    }
}

/// Digest of the native files in some folders: of the `sha256sum` lines of all files, in order.
fn digest_of(root: &Path, folders: &[&str]) -> anyhow::Result<String> {
    let mut files = Vec::new();
    for folder in folders {
        native_files(&root.join(folder), &mut files)?;
    }
    files.sort();
    let mut names = Vec::new();
    for file in &files {
        names.push(file.strip_prefix(root)?);
    }
    let each = Command::new("sha256sum")
        .arg("--")
        .args(names)
        .current_dir(root)
        .output()
        .context("cannot run sha256sum")?;
    ensure!(
        each.status.success(),
        "sha256sum cannot read {}",
        root.display()
    );
    let mut whole = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = whole.stdin.take().context("it has an input")?;
    stdin.write_all(&each.stdout)?;
    drop(stdin);
    let printed = String::from_utf8(whole.wait_with_output()?.stdout)?;
    Ok(printed.split(' ').next().unwrap_or_default().to_owned())
}

fn native_files(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let ending = path.extension().unwrap_or_default();
        if path.is_dir() {
            native_files(&path, files)?;
        } else if NATIVE.iter().any(|native| ending == *native) {
            files.push(path);
        }
    }
    Ok(())
}

/// The dependency graph. Cargo prints the dependencies of a crate only at its first occurrence.
fn dependencies() -> anyhow::Result<Vec<Value>> {
    let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut above: Vec<String> = Vec::new();
    for line in tree("normal,build", "depth")?.lines() {
        let Some((depth, part)) = part(line) else {
            continue;
        };
        above.truncate(depth);
        let own = reference(&part);
        if let Some(parent) = above.last() {
            needs.entry(parent.clone()).or_default().insert(own.clone());
        }
        let code = VENDORED_CODE.iter().filter(|code| code.by == part.name);
        for code in code.map(|code| code.reference(&part)) {
            let code = code?;
            needs.entry(own.clone()).or_default().insert(code.clone());
            needs.entry(code).or_default();
        }
        needs.entry(own.clone()).or_default();
        above.push(own);
    }
    let one = |(own, needed): (String, BTreeSet<String>)| json!({"ref": own, "dependsOn": needed});
    Ok(needs.into_iter().map(one).collect())
}

/// Checksums of the crates' archives, from the lock file.
fn checksums() -> anyhow::Result<BTreeMap<(String, String), String>> {
    let text = std::fs::read_to_string(root().join("Cargo.lock"))?;
    let value = |block: &str, name: &str| {
        let line = block
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
        line.map(|text| text.trim_matches('"').to_owned())
    };
    let of = |block: &str| {
        let key = (value(block, "name")?, value(block, "version")?);
        Some((key, value(block, "checksum")?))
    };
    Ok(text.split("[[package]]").filter_map(of).collect())
}

/// All licence texts of the binary, each once, under the names of its crates.
pub(crate) fn licences() -> anyhow::Result<String> {
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut listed = String::new();
    for part in parts("normal,no-proc-macro")? {
        if part.is_ours {
            continue;
        }
        let own = format!("{} {}", part.name, part.version);
        writeln!(listed, "{own}: {}", part.license)?;
        for text in texts_in(&source_of(&part)?)? {
            texts.entry(text).or_default().insert(own.clone());
        }
    }
    let mut document = format!(
        "Doorward is made with the work of others. These are their crates, each with its licence,\n\
         and the licences' texts as they came with them.\n\n{listed}"
    );
    let mut sorted: Vec<_> = texts.into_iter().collect();
    sorted.sort_by(|one, other| one.1.cmp(&other.1));
    for (text, whose) in sorted {
        let whose: Vec<_> = whose.into_iter().collect();
        write!(
            document,
            "\n{}\n{}\n\n{}\n",
            "-".repeat(100),
            whose.join(", "),
            text.trim_end()
        )?;
    }
    Ok(document)
}

fn texts_in(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let mut texts = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_ascii_uppercase();
        if path.is_file() && LICENCES.iter().any(|start| name.starts_with(start)) {
            let text = String::from_utf8_lossy(&std::fs::read(&path)?).replace("\r\n", "\n");
            texts.insert(text.trim().to_owned());
        }
    }
    Ok(texts)
}
