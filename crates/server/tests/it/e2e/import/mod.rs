//! Moving users: between Doorward's stores, from other systems, and after a `kill -9`.
//!
//! `fixtures/make.py` generates the fixtures with the libraries of the original systems.

mod interrupted;
mod other_systems;
mod rejects;
mod round_trip;
mod slow_link;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Server, Setup, eventually, mode};
use crate::support::PASSWORD as ADMIN_PASSWORD;

/// The password of all users in the fixtures.
const PASSWORD: &str = "three boats on a lake";
const HEADER: &str = "{\"format\":\"doorward-users\",\"version\":5}\n";

fn fixture(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/e2e/import/fixtures");
    folder.join(name).display().to_string()
}

/// An empty database.
fn new_setup() -> Setup {
    let setup = Setup::on_a_file()
        .with("DOORWARD_THROTTLE__ENABLED", "false")
        .with("ADMIN_PASSWORD", ADMIN_PASSWORD);
    setup.run(&["migrate"]).expect(0);
    setup
}

/// Imports a fixture, and returns the summary and the report.
fn import(setup: &Setup, arguments: &[&str], code: i32) -> (Value, Vec<Value>) {
    let report = setup.path("report.jsonl").display().to_string();
    // An import does not overwrite the report of the one before.
    let _ = std::fs::remove_file(&report);
    let mut all = vec!["import", "--json", "--report", &report];
    all.extend(arguments);
    let outcome = setup.run(&all).expect(code);
    let lines = std::fs::read_to_string(&report).unwrap();
    assert_eq!(mode(report.as_ref()), 0o600);
    for line in lines.lines() {
        assert!(!has_a_hash(line), "{line}");
    }
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    (outcome.json(), lines.collect())
}

/// Returns `true` if the text contains something like a hash of the fixtures.
fn has_a_hash(text: &str) -> bool {
    [
        "$2a$",
        "$2b$",
        "argon2id$",
        "pbkdf2_",
        "fbscrypt",
        "scrypt$",
    ]
    .iter()
    .any(|mark| text.contains(mark))
}

/// All users, by username or address.
fn exported(setup: &Setup) -> BTreeMap<String, Value> {
    let text = setup.run(&["export", "-"]).expect(0).out;
    let users = text.lines().skip(1).map(|line| {
        let user: Value = serde_json::from_str(line).unwrap();
        let named = ["username", "email", "pending_email"]
            .iter()
            .find_map(|key| user[key].as_str());
        (named.unwrap().to_owned(), user)
    });
    users.collect()
}

/// Signs in by username or address, and returns status and body.
fn sign_in(server: &Server, named: &str, password: &str) -> (u16, Value) {
    let key = if named.contains('@') {
        "email"
    } else {
        "username"
    };
    let reply = server.post("/auth", json!({ key: named, "password": password }));
    (reply.status, reply.json())
}

/// Asserts that each user signs in with the old password and no other, and is then rehashed.
fn sign_in_as_before(setup: &Setup, server: &Server, people: &[&str]) {
    for named in people {
        assert_eq!(
            sign_in(server, named, "three boats on the lake").0,
            401,
            "{named}"
        );
        assert_eq!(sign_in(server, named, PASSWORD).0, 201, "{named}");
    }
    let users = exported(setup);
    for named in people {
        let user = users
            .values()
            .find(|user| ["username", "email"].iter().any(|key| user[key] == **named));
        let hash = user.unwrap()["password_hash"].as_str().unwrap();
        // Django's Argon2id costs more than Doorward's, and stays.
        let is_ours = hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$");
        let is_dearer = hash.starts_with("argon2$argon2id$v=19$m=102400,t=2,p=8$");
        assert!(is_ours || is_dearer, "{named}: {hash}");
        assert_eq!(sign_in(server, named, PASSWORD).0, 201, "{named}, again");
    }
}

/// Numbers of the summary.
fn counts(summary: &Value) -> Value {
    let mut counts = summary.clone();
    for name in ["adapted", "dry_run", "report"] {
        counts.as_object_mut().unwrap().remove(name);
    }
    counts
}

/// Codes of the report for one user, sorted.
fn codes<'a>(report: &'a [Value], named: &str) -> Vec<&'a str> {
    let lines = report.iter().filter(|line| line["identifier"] == named);
    let mut codes: Vec<_> = lines.map(|line| line["code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    codes
}
