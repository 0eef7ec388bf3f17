//! The bill of materials of a release, as `CycloneDX` 1.6, and the licences of all that is in it. Made from
//! what Cargo says the binary is built from, and the same for the same commit, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use crate::run::root;
use crate::supply::{Part, part, parts, source_of, tree};

/// What the names of files begin with that have a licence in them.
const LICENCES: [&str; 6] = [
    "LICENSE",
    "LICENCE",
    "COPYING",
    "COPYRIGHT",
    "NOTICE",
    "UNLICENSE",
];

/// What a crate of Rust brings along in C, which no lock file knows: the crate, the file that says the
/// version, what stands before it, the name and the licence.
const BROUGHT_ALONG: &[(&str, &str, &str, &str, &str)] = &[(
    "libsqlite3-sys",
    "sqlite3/sqlite3.h",
    "#define SQLITE_VERSION",
    "sqlite",
    "blessing",
)];

/// The document. `written_at` is a time as RFC 3339 has it.
pub(crate) fn document(version: &str, written_at: &str) -> anyhow::Result<String> {
    let checksums = checksums()?;
    let shipped: BTreeSet<Part> = parts("normal,no-proc-macro")?.into_iter().collect();
    let mut components = Vec::new();
    for part in parts("normal,build")? {
        if part.name == "doorward" {
            continue;
        }
        let scope = if shipped.contains(&part) {
            "required"
        } else {
            // It helps to build the binary and is not in it.
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
        components.extend(brought_along(&part)?);
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

fn reference(part: &Part) -> String {
    format!("pkg:cargo/{}@{}", part.name, part.version)
}

fn brought_along(part: &Part) -> anyhow::Result<Option<Value>> {
    let Some((_, file, before, name, license)) =
        BROUGHT_ALONG.iter().find(|(of, ..)| *of == part.name)
    else {
        return Ok(None);
    };
    let path = source_of(part)?.join(file);
    let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix(before));
    let version = line.with_context(|| format!("{} has no version", path.display()))?;
    let version = version.trim().trim_matches('"');
    Ok(Some(json!({
        "type": "library",
        "bom-ref": format!("pkg:generic/{name}@{version}"),
        "name": name,
        "version": version,
        "scope": "required",
        "licenses": [{"license": {"id": license}}],
        "purl": format!("pkg:generic/{name}@{version}"),
    })))
}

/// Who needs whom. Cargo shows what a crate needs once, where it first stands.
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
        needs.entry(own.clone()).or_default();
        above.push(own);
    }
    let one = |(own, needed): (String, BTreeSet<String>)| json!({"ref": own, "dependsOn": needed});
    Ok(needs.into_iter().map(one).collect())
}

/// What the lock file says of each crate's archive.
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

/// Every licence of what is in the binary, each text once, under the names of those it is of.
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
