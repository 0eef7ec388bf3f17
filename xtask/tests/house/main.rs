//! Rules of the repository that can be tested: the dependencies of each crate, the paths in documents, cycles of
//! files, methods of objects, words, the length of pages, and problems that the collection causes and the API fuzzer knows.

#![cfg(test)]

mod cycles;
mod objects;
mod page_length;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use doorward_testkit::newman::UNSEEN;
use doorward_testkit::process::succeed;
use doorward_testkit::repository::{root, tracked};
use doorward_testkit::tools::cargo;
use serde_json::Value;

/// Each crate, and the workspace crates that it may depend on: normally, and in tests.
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
    (
        "doorward-store-dynamo",
        &["doorward-domain"],
        &["doorward-testkit"],
    ),
    ("doorward-messages", &["doorward-domain"], &[]),
    (
        "doorward-mail",
        &["doorward-domain", "doorward-messages"],
        &["doorward-testkit"],
    ),
    (
        "doorward-web",
        &["doorward-domain", "doorward-messages"],
        &["doorward-testkit"],
    ),
    ("doorward-import", &["doorward-domain"], &[]),
    ("doorward-testkit", &["doorward-domain"], &[]),
    (
        "doorward",
        &[
            "doorward-domain",
            "doorward-store-dynamo",
            "doorward-store-redis",
            "doorward-store-sql",
            "doorward-mail",
            "doorward-web",
            "doorward-import",
        ],
        &["doorward-testkit"],
    ),
    (
        "doorward-fuzz",
        &[
            "doorward",
            "doorward-domain",
            "doorward-import",
            "doorward-web",
        ],
        &[],
    ),
    // Users copy it, so it depends on no other crate.
    ("doorward-example", &[], &[]),
    ("xtask", &[], &["doorward-testkit"]),
];

/// Dependencies that only these crates may have.
const FENCED: &[(&str, &[&str])] = &[
    ("sqlx", &["doorward-store-sql"]),
    ("redis", &["doorward-store-redis"]),
    ("aws-config", &["doorward-store-dynamo"]),
    ("aws-sdk-dynamodb", &["doorward-store-dynamo"]),
    ("lettre", &["doorward-mail"]),
    ("fluent-bundle", &["doorward-messages"]),
    ("fluent-syntax", &["doorward-messages"]),
    ("axum", &["doorward-web", "doorward", "doorward-example"]),
    ("utoipa", &["doorward-web"]),
    ("argon2-rust", &["doorward-domain", "doorward"]),
    ("csv", &["doorward-import"]),
    ("clap", &["doorward"]),
    ("lambda_http", &["doorward"]),
];

fn packages() -> Vec<Value> {
    let mut cargo = cargo();
    cargo.args(["metadata", "--no-deps", "--offline"]);
    let output = succeed(cargo.args(["--format-version", "1"]));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

#[test]
fn crates_have_only_allowed_dependencies() {
    let allowed: BTreeMap<_, _> = EDGES
        .iter()
        .map(|(name, normal, test)| (*name, (*normal, *test)))
        .collect();
    let packages = packages();
    assert_eq!(
        packages.len(),
        EDGES.len(),
        "a crate is missing from the table, or was removed"
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
                assert!(may, "{name} must not depend on {seen}");
            }
            if let Some((_, who)) = FENCED.iter().find(|(fenced, _)| *fenced == seen) {
                assert!(
                    is_test || who.contains(&name),
                    "{name} must not depend on {seen}"
                );
            }
        }
    }
}

/// Another kind of database then needs its arms in one file.
#[test]
fn one_file_of_the_server_names_the_crate_of_a_database() {
    let mut files = tracked(&["crates/server/src/*.rs"]);
    files.retain(|file| {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        text.contains("doorward_store_sql")
    });
    assert_eq!(files, ["crates/server/src/database.rs"]);
}

/// What all features of the web crate share imports none of them, and no list of them: neither the routes nor the router.
#[test]
fn what_features_share_imports_no_feature() {
    let shared = ["app", "html", "http", "inbox_source"];
    let mut files = tracked(&["crates/web/src/http/*.rs", "crates/web/src/html/*.rs"]);
    assert!(files.len() > 25, "{files:?}");
    files.extend(["app", "inbox_source"].map(|name| format!("crates/web/src/{name}.rs")));
    for file in files {
        let text = read(&file);
        let of_feature = match file.ends_with("/mod.rs") {
            true => text.replace("use super::*;", "").contains("super::"),
            false => text.contains("super::super"),
        };
        assert!(!of_feature, "{file}: write `crate::`");
        for path in text.split("crate::").skip(1) {
            let name = path
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next();
            let name = name.unwrap_or_default();
            assert!(shared.contains(&name), "{file} imports `{name}`");
        }
    }
}

/// The lists of routes are read as tables.
#[test]
fn rows_of_routes_are_short() {
    let files = tracked(&["crates/web/src/*/routes.rs"]);
    assert!(files.len() > 12, "{files:?}");
    for file in files {
        let text = read(&file);
        let is_short = text.lines().all(|line| line.chars().count() <= 120);
        assert!(is_short && !text.contains("rustfmt::skip"), "{file}");
    }
}

/// The router chooses between a handler of the API and its page.
#[test]
fn handlers_of_the_api_know_no_pages() {
    let mut files = tracked(&["crates/web/src/*.rs"]);
    files.retain(|file| !file.ends_with("pages.rs") && read(file).contains("#[utoipa::path"));
    assert!(files.len() >= 14, "{files:?}");
    for file in files {
        let text = read(&file);
        for word in ["wants_html", "crate::html", "pages::"] {
            assert!(!text.contains(word), "{file} has `{word}`");
        }
    }
}

/// All pages, except the decisions, which describe the past.
fn pages() -> Vec<String> {
    let mut pages = tracked(&["*.md"]);
    pages.retain(|page| !page.starts_with("docs/decisions/"));
    assert!(pages.len() > 20, "{pages:?}");
    pages
}

#[test]
fn paths_on_the_pages_exist() {
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
                    "{page} names {quoted}, which does not exist"
                );
            }
        }
    }
}

#[test]
fn lints_are_expected_and_not_allowed() {
    let mut found = Vec::new();
    let files = tracked(&["*.rs"]);
    assert!(files.len() > 200, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(root().join(&file)).unwrap_or_default();
        let attribute = ["#", "[allow("].concat();
        let inner = ["#!", "[allow("].concat();
        if text.contains(&attribute) || text.contains(&inner) {
            found.push(file);
        }
    }
    assert!(found.is_empty(), "use expect with a reason: {found:?}");
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

/// The problems on the page `docs/ERRORS.md`: the code and the status of each.
fn problems(page: &str) -> BTreeSet<(&str, &str)> {
    let problems = page.lines().filter_map(|line| {
        let (status, rest) = line.strip_prefix("| ")?.split_once(" | `")?;
        Some((rest.split('`').next()?, status))
    });
    let problems: BTreeSet<_> = problems.collect();
    assert!(problems.len() > 30, "{problems:?}");
    problems
}

/// A request of the collection causes each problem that one can: its name ends with the responses that it expects.
/// Newman compares them later; a missing one is named here at once, also if the collection fails for another reason.
#[test]
fn the_collection_causes_each_problem() {
    let (page, collection) = (
        read("docs/ERRORS.md"),
        read("clients/doorward.postman_collection.json"),
    );
    let names = collection
        .lines()
        .filter_map(|line| line.trim().strip_prefix("\"name\": \"")?.split_once(" → "));
    let expected: BTreeSet<_> = names
        .flat_map(|(_, expected)| expected.trim_end_matches("\",").split(" or "))
        .collect();
    let missing: Vec<_> = problems(&page)
        .into_iter()
        .filter(|(code, status)| {
            !UNSEEN.contains(code) && !expected.contains(format!("{status} {code}").as_str())
        })
        .collect();
    assert!(
        missing.is_empty(),
        "no request of clients/doorward.postman_collection.json causes {missing:?}"
    );
}

/// The API fuzzer knows for each problem if a response with it is a finding.
#[test]
fn the_api_fuzzer_knows_each_problem() {
    let (page, hooks) = (read("docs/ERRORS.md"), read("xtask/fuzz/hooks.py"));
    let known = hooks.lines().filter_map(|line| {
        let (code, status) = line.strip_prefix("    \"")?.split_once("\": ")?;
        let status = status.strip_suffix(',')?;
        status
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then_some((code, status))
    });
    assert_eq!(known.collect::<BTreeSet<_>>(), problems(&page));
}

/// Files that a reader creates by following a page, anywhere in a clone, are ignored by git: above all keys and
/// data.
#[test]
fn files_created_by_following_a_page_are_ignored_by_git() {
    let left = [
        "doorward-data/master.key",
        "docs/doorward-data/master.key",
        "examples/nginx/doorward-data/doorward.db",
        "examples/nginx/key.pem",
        "examples/nginx/certificate.pem",
        "examples/nginx/temp/client/1",
        "examples/node/node_modules/jose/package.json",
        "examples/node/package-lock.json",
        "examples/pytest/venv/bin/python",
        "examples/react/dist/index.html",
        "clients/typescript/src/openapi.ts",
        "clients/typescript/dist/index.js",
        "doorward-client-0.1.0.tgz",
        ".env",
    ];
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*", "check-ignore"]);
    let output = succeed(git.args(left).current_dir(root()));
    let ignored = String::from_utf8(output.stdout).unwrap();
    assert_eq!(ignored.lines().collect::<Vec<_>>(), left);
}

/// The runner of the tests, cargo-nextest, runs no doc tests. A code block in a comment names its language, which is not
/// Rust.
#[test]
fn no_item_has_a_doc_test() {
    let mut found = Vec::new();
    for file in tracked(&["*.rs"]) {
        let text = std::fs::read_to_string(root().join(&file)).unwrap();
        let comments = text.lines().map(str::trim_start);
        let comments =
            comments.filter_map(|line| line.strip_prefix("///").or(line.strip_prefix("//!")));
        // Every second fence closes a block.
        let fences = comments
            .clone()
            .filter_map(|line| line.trim_start().strip_prefix("```"));
        let rust = fences
            .step_by(2)
            .filter(|language| !["text", "json", "sh"].contains(language));
        found.extend(rust.map(|language| format!("{file}: ```{language}")));
        // An indented paragraph is code as well, and so is any in a block comment.
        let indented = comments.clone().zip(comments.skip(1));
        let indented =
            indented.filter(|(before, line)| before.trim().is_empty() && line.starts_with("     "));
        found.extend(indented.map(|(_, line)| format!("{file}: {line}")));
        found.extend(
            text.contains("\n/**")
                .then(|| format!("{file}: a block comment")),
        );
    }
    assert!(found.is_empty(), "write a test instead: {found:?}");
}

/// Also a test of the store; here it needs no build of it.
#[test]
fn a_migration_that_has_landed_is_not_edited() {
    let list = root().join("crates/store-sql/src/migrations.rs");
    let list = std::fs::read_to_string(list).unwrap();
    for file in tracked(&["crates/store-sql/migrations/*.sql"]) {
        let script = std::fs::read(root().join(&file)).unwrap();
        let digest = ring::digest::digest(&ring::digest::SHA256, &script);
        let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
        let digits: String = digits.collect();
        assert!(
            list.contains(&format!("\"{digits}\"")),
            "{file} was edited, or is not in LANDED: write a new migration, and add its line {digits}"
        );
    }
}
