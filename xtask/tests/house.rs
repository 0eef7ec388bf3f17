//! The rules of the house that can be tests: which crate may see which, and whether the map of the
//! house shows rooms that are there.

#![cfg(test)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Each crate, and the crates of ours it may see; for its tests, those behind the bar as well.
const EDGES: &[(&str, &[&str], &[&str])] = &[
    ("doorward-domain", &[], &[]),
    (
        "doorward-store-sql",
        &["doorward-domain"],
        &["doorward-testkit"],
    ),
    (
        "doorward-store-redis",
        &["doorward-domain"],
        &["doorward-testkit"],
    ),
    ("doorward-mail", &["doorward-domain"], &["doorward-testkit"]),
    ("doorward-web", &["doorward-domain"], &["doorward-testkit"]),
    ("doorward-testkit", &["doorward-domain"], &[]),
    (
        "doorward",
        &[
            "doorward-domain",
            "doorward-store-redis",
            "doorward-store-sql",
            "doorward-mail",
            "doorward-web",
        ],
        &["doorward-testkit"],
    ),
    // To be copied out, so it sees none of ours.
    ("doorward-example", &[], &[]),
    ("xtask", &[], &["doorward-testkit"]),
];

/// What only one crate may see.
const FENCED: &[(&str, &[&str])] = &[
    ("sqlx", &["doorward-store-sql"]),
    ("redis", &["doorward-store-redis"]),
    ("lettre", &["doorward-mail"]),
    ("axum", &["doorward-web", "doorward", "doorward-example"]),
    ("utoipa", &["doorward-web"]),
    ("argon2-rust", &["doorward-domain", "doorward"]),
    ("clap", &["doorward"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

#[test]
fn no_crate_sees_what_it_may_not() {
    let allowed: BTreeMap<_, _> = EDGES
        .iter()
        .map(|(name, normal, test)| (*name, (*normal, *test)))
        .collect();
    let packages = packages();
    assert_eq!(
        packages.len(),
        EDGES.len(),
        "a crate is missing from the table, or gone"
    );
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        let (normal, test) = allowed
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not in the table"));
        for dependency in package["dependencies"].as_array().unwrap() {
            let seen = dependency["name"].as_str().unwrap();
            let is_test = dependency["kind"] == "dev";
            if seen.starts_with("doorward") {
                let may = normal.contains(&seen) || (is_test && test.contains(&seen));
                assert!(may, "{name} may not see {seen}");
            }
            if let Some((_, who)) = FENCED.iter().find(|(fenced, _)| *fenced == seen) {
                assert!(is_test || who.contains(&name), "{name} may not see {seen}");
            }
        }
    }
}

/// Every page that people read, but for the decisions: those tell of their day.
fn pages() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "*.md"])
        .current_dir(root())
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let pages = listed
        .lines()
        .filter(|page| !page.starts_with("docs/decisions/") && root().join(page).exists());
    pages.map(str::to_owned).collect()
}

#[test]
fn the_map_shows_rooms_that_are_there() {
    for page in pages() {
        let text = std::fs::read_to_string(root().join(&page)).unwrap();
        for quoted in text.split('`').skip(1).step_by(2) {
            let is_path = [
                "crates/",
                "deploy/",
                "docs/",
                "examples/",
                "clients/",
                "xtask/",
                ".ci/",
            ]
            .iter()
            .any(|start| quoted.starts_with(start));
            let is_plain = !quoted.contains([' ', '*', '{', '<']) && !quoted.contains("NNNN");
            if is_path && is_plain {
                assert!(
                    root().join(quoted).exists(),
                    "{page} names {quoted}, which is not there"
                );
            }
        }
    }
}

#[test]
fn no_file_allows_what_it_could_expect() {
    let mut found = Vec::new();
    let listed = Command::new("git")
        .args(["ls-files", "*.rs"])
        .current_dir(root())
        .output()
        .unwrap();
    for file in String::from_utf8(listed.stdout).unwrap().lines() {
        let text = std::fs::read_to_string(root().join(file)).unwrap_or_default();
        let attribute = ["#", "[allow("].concat();
        let inner = ["#!", "[allow("].concat();
        if text.contains(&attribute) || text.contains(&inner) {
            found.push(file.to_owned());
        }
    }
    assert!(found.is_empty(), "use expect with a reason: {found:?}");
}
