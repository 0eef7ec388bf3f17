//! The file of breached passwords: built by the command from the public list, and checked whenever a password is
//! set (P-05).

use std::fmt::Write;

use ring::digest;
use serde_json::{Value, json};

use super::server::Setup;
use crate::support::PASSWORD;

const BREACHED: &str = "eleven lost umbrellas";

/// The public list with only these passwords.
fn list(passwords: &[&str]) -> String {
    let mut lines: Vec<String> = passwords
        .iter()
        .map(|password| {
            let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
            let mut line = String::new();
            for byte in hash.as_ref() {
                write!(line, "{byte:02X}").unwrap();
            }
            line + ":17\r\n"
        })
        .collect();
    lines.sort();
    lines.concat()
}

/// A setup with a built file.
fn prepared() -> Setup {
    let setup = Setup::new()
        .file("list.txt", &list(&[BREACHED, "another breached password"]))
        .with("ADMIN_PASSWORD", PASSWORD);
    let built = setup.run(&BUILD).expect(0).json();
    assert_eq!(built["passwords"], 2);
    assert_eq!(
        (&built["ranges"], &built["missing_ranges"]),
        (&json!(2), &json!(1_048_574))
    );
    assert!(built["lookup_nanoseconds"].as_u64().unwrap() > 0);
    let path = setup.path("breached.bin").display().to_string();
    setup.with("DOORWARD_PASSWORD__BREACHED_FILTER", &path)
}

const BUILD: [&str; 8] = [
    "passwords",
    "build-filter",
    "--from",
    "list.txt",
    "--to",
    "breached.bin",
    "--allow-partial",
    "--json",
];

#[track_caller]
fn assert_breached(answer: &Value, field: &str) {
    let fault = &answer["errors"][0];
    assert_eq!(
        (&fault["field"], &fault["code"]),
        (&json!(field), &json!("breached"))
    );
}

/// P-05: by the API and by a command; the domain's tests have the other paths. A password that only contains a
/// breached one is accepted.
#[test]
fn a_breached_password_is_rejected() {
    let setup = prepared();
    let server = setup.start();
    let wanted = |name: &str, password: &str| {
        let email = format!("{name}@example.com");
        json!({"username": name, "email": email, "password": password})
    };
    let refused = server.post("/user", wanted("eve", BREACHED)).expect(422);
    assert_breached(&refused.json(), "password");
    let longer = format!("{BREACHED}x");
    server.post("/user", wanted("ann", &longer)).expect(201);
    server
        .post("/user", wanted("bea", &BREACHED.to_uppercase()))
        .expect(201);

    let create = [
        "user",
        "create",
        "--username",
        "ben",
        "--email",
        "ben@example.com",
    ];
    let create = [&create[..], &["--password-stdin"]].concat();
    let output = setup
        .run_with_input(&create, &format!("{BREACHED}\n"))
        .expect(1);
    assert!(output.err.contains("breach"), "{}", output.err);
    setup
        .run_with_input(&create, &format!("{PASSWORD}\n"))
        .expect(0);
}

/// P-05, A-11: the first admin's password is checked, too.
#[test]
fn the_password_of_the_first_admin_is_checked() {
    let setup = prepared().with("ADMIN_PASSWORD", BREACHED);
    for command in [&["config", "check"][..], &["serve"]] {
        let output = setup.run(command).expect(1);
        assert!(output.err.contains("breach"), "{}", output.err);
    }
}

/// An incomplete file is never read as an empty list.
#[test]
fn an_incomplete_filter_file_fails_the_start_with_a_message() {
    let setup = prepared();
    let file = setup.path("breached.bin");
    let whole = std::fs::read(&file).unwrap();
    let mut newer = whole.clone();
    newer[15] = 3;
    for (bytes, why) in [
        (&whole[..20], "truncated"),
        (&whole[..whole.len() - 3], "bytes instead of"),
        (&newer, "version 3"),
        (
            b"PK\x03\x04 not a filter file, but long enough for its header"
                .repeat(4)
                .as_slice(),
            "not a breached-password filter",
        ),
    ] {
        std::fs::write(&file, bytes).unwrap();
        for command in [&["serve"][..], &["config", "check"], &["doctor"]] {
            let output = setup.run(command).expect(1);
            let all: Vec<_> = output
                .out
                .split_whitespace()
                .chain(output.err.split_whitespace())
                .collect();
            let all = all.join(" ");
            assert!(
                all.contains(why) && all.contains("password.breached_filter"),
                "{why}: {all}"
            );
        }
    }
    std::fs::write(&file, &whole).unwrap();
    let doctor = setup.run(&["doctor", "--json"]).json();
    let findings = doctor["findings"].as_array().unwrap();
    let ours = findings
        .iter()
        .find(|one| one["check"] == "breached passwords")
        .unwrap();
    assert_eq!(ours["status"], "passed", "{ours}");
}

/// A list that does not consist of SHA-1 hashes leaves the file unchanged.
#[test]
fn a_list_without_sha_1_hashes_is_rejected() {
    let setup = prepared().file("list.txt", "0123456789ABCDEF0123456789ABCDEF:5\n");
    let before = std::fs::read(setup.path("breached.bin")).unwrap();
    let output = setup.run(&BUILD).expect(1);
    assert!(output.err.contains("NTLM"), "{}", output.err);
    assert_eq!(std::fs::read(setup.path("breached.bin")).unwrap(), before);
    let piped = [
        "passwords",
        "build-filter",
        "--from",
        "-",
        "--to",
        "other.bin",
        "--allow-partial",
        "--json",
    ];
    let built = setup
        .run_with_input(&piped, &list(&["by a pipe"]))
        .expect(0);
    assert_eq!(built.json()["passwords"], 1);
}
