//! Errors in a file are reported line by line, and do not affect other users.

use serde_json::{Value, json};

use super::{HEADER, Setup, exported, import, new_setup};

/// A user in the export format.
pub(super) fn user(number: usize) -> Value {
    json!({
        "id": format!("0193d2a0-0000-7000-8000-{number:012}"),
        "username": format!("user-{number}"),
        "email": format!("user-{number}@example.com"),
        "role": "user",
        "status": "active",
        "data": {},
        "locale": "en",
        "security_epoch": 1,
        "version": 1,
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00.000001Z",
        "password_hash": "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "password_updated_at": "2024-01-01T00:00:00Z",
    })
}

fn with(number: usize, field: &str, value: Value) -> String {
    let mut user = user(number);
    match value {
        Value::Null => _ = user.as_object_mut().unwrap().remove(field),
        value => user[field] = value,
    }
    user.to_string()
}

fn factors(authenticators: usize, algorithm: &str, recovery_codes: usize) -> Value {
    let totp = json!({
        "name": "Phone", "secret": "GEZDGNBVGY3TQOJQ", "algorithm": algorithm,
        "digits": 6, "period": 30, "created_at": "2024-01-01T00:00:00Z",
    });
    json!({
        "totp": vec![totp; authenticators],
        "recovery_codes": vec!["AAAAAAAAAAAAAAAAAAAAAA"; recovery_codes],
    })
}

fn file_of(lines: &[String]) -> Setup {
    new_setup().file("users.jsonl", &format!("{HEADER}{}\n", lines.join("\n")))
}

#[test]
fn every_rejected_line_is_reported_with_its_reason_and_the_others_are_imported() {
    let faults = [
        (
            with(1, "id", json!("0193D2A0-0000-7000-8000-000000000001")),
            "malformed",
        ),
        (
            with(2, "id", json!("00000000-0000-0000-0000-000000000000")),
            "id-invalid",
        ),
        (with(3, "username", json!("a b")), "username-invalid"),
        (with(4, "email", json!("nobody")), "email-invalid"),
        (with(5, "name", json!("a\nb")), "name-invalid"),
        (with(6, "role", json!("root")), "malformed"),
        (with(7, "status", json!("asleep")), "malformed"),
        (with(8, "status", json!("pending")), "no-pending-email"),
        (
            with(9, "data", json!({"x": "y".repeat(17_000)})),
            "data-invalid",
        ),
        (with(10, "locale", json!("tlh")), "malformed"),
        (with(11, "version", json!(0)), "counter-out-of-range"),
        (with(12, "created_at", json!("yesterday")), "malformed"),
        (with(13, "created_at", Value::Null), "malformed"),
        (
            with(14, "password_hash", json!("$1$salt$qJH7.N4xYta3aEG/dfqo/0")),
            "password-unreadable",
        ),
        (with(15, "password", json!("three boats")), "malformed"),
        (with(16, "username", json!("USER-100")), "username-taken"),
        (
            with(17, "email", json!("User-100@example.com")),
            "email-taken",
        ),
        (with(100, "username", json!("other")), "id-taken"),
        (
            with(
                18,
                "version",
                json!("$2b$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
            ),
            "malformed",
        ),
        (
            with(19, "factors", factors(11, "SHA1", 0)),
            "factors-invalid",
        ),
        (
            with(20, "factors", factors(1, "SHA1", 11)),
            "factors-invalid",
        ),
        (
            with(21, "factors", factors(0, "SHA1", 1)),
            "factors-invalid",
        ),
        (with(22, "factors", factors(1, "MD5", 0)), "malformed"),
        ("{\"id\":".to_owned(), "malformed"),
        (
            with(23, "name", json!("Ben")).replace("\"name\":", "\"name\":\"Eve\",\"name\":"),
            "malformed",
        ),
        (
            with(24, "data", json!({"a": [{"b": 1}]})).replace("\"b\":1", "\"b\":1,\"b\":2"),
            "malformed",
        ),
        (
            with(25, "data", json!({"a": 7})).replace(":7", ":18446744073709551616"),
            "malformed",
        ),
        ("7".to_owned(), "malformed"),
        (
            format!("{{\"id\":\"{}\"}}", "x".repeat(2_000_000)),
            "malformed",
        ),
    ];
    let mut lines: Vec<String> = vec![user(100).to_string()];
    for (number, (line, _)) in faults.iter().enumerate() {
        lines.push(line.clone());
        lines.push(user(200 + number).to_string());
    }
    let setup = file_of(&lines);
    let (summary, report) = import(&setup, &["users.jsonl"], 1);
    assert_eq!(summary["imported"], 1 + faults.len());
    for (number, (line, code)) in faults.iter().enumerate() {
        let place = 3 + 2 * number;
        let message = report.iter().find(|message| message["line"] == place);
        let message = message.unwrap_or_else(|| panic!("nothing of {line}"));
        assert_eq!(
            (&message["code"], &message["outcome"]),
            (&json!(code), &json!("rejected")),
            "{message}"
        );
        assert!(
            message["detail"].as_str().unwrap().ends_with('.'),
            "{message}"
        );
    }
    assert_eq!(report.len(), faults.len());
    assert_eq!(exported(&setup).len(), 1 + faults.len());
}

#[test]
fn fields_that_the_operator_allows_to_drop_are_dropped_and_reported() {
    let parts = [
        ("username", json!("a b")),
        ("email", json!("nobody")),
        ("name", json!("a\nb")),
        ("data", json!({"x": "y".repeat(17_000)})),
        ("password_hash", json!("$1$salt$qJH7.N4xYta3aEG/dfqo/0")),
    ];
    let lines: Vec<String> = parts
        .iter()
        .enumerate()
        .map(|(number, (field, value))| with(number, field, value.clone()))
        .collect();
    let setup = file_of(&lines);
    let words = ["username", "email", "name", "data", "password"];
    let mut arguments = vec!["users.jsonl"];
    arguments.extend(words.iter().flat_map(|word| ["--drop-invalid", word]));
    let (summary, report) = import(&setup, &arguments, 0);
    assert_eq!(summary["imported"], parts.len());
    let codes: Vec<_> = report.iter().map(|line| line["code"].clone()).collect();
    assert_eq!(codes, words.map(|word| json!(format!("{word}-dropped"))));
}

#[test]
fn a_dry_run_changes_nothing_and_reports_the_same() {
    let lines = [user(1), user(2), user(2), user(3)].map(|user| user.to_string());
    let mut lines = lines.to_vec();
    lines.push(with(4, "username", json!("User-1")));
    let setup = file_of(&lines);
    let (predicted, message) = import(&setup, &["users.jsonl", "--dry-run"], 1);
    assert!(exported(&setup).is_empty());
    let (done, report) = import(&setup, &["users.jsonl"], 1);
    assert_eq!(super::counts(&predicted), super::counts(&done));
    assert_eq!(message, report);
    assert_eq!(done["already_exists"], 1);
    let again = import(&setup, &["users.jsonl", "--allow-rejects"], 0).0;
    assert_eq!(
        (&again["imported"], &again["already_exists"]),
        (&json!(0), &json!(4))
    );
}

#[test]
fn a_file_of_another_format_is_rejected() {
    let whole = user(1).to_string();
    for (text, arguments, message) in [
        (String::new(), &["--format", "django"][..], "empty"),
        (whole.clone(), &["--format", "doorward"], "first line"),
        (HEADER.replace(":2}", ":3}"), &[], "newer"),
        (HEADER.replace(":2}", ":2,\"x\":2}"), &[], "first line"),
        ("hello".to_owned(), &[], "--format"),
        ("hello".to_owned(), &["--format", "django"], "not JSON"),
        ("a,b\n1,2\n".to_owned(), &["--format", "supabase"], "`id`"),
        ("{\"realm\": \"x\"}".to_owned(), &[], "no `users`"),
        (
            "{\"realm\": \"x\", \"users\": {}}".to_owned(),
            &[],
            "list of users",
        ),
        (
            "{\"realm\": \"x\", \"users\": [".to_owned(),
            &[],
            "after 0 users",
        ),
        (
            format!("{HEADER}{whole}"),
            &["--default-locale", "tlh"],
            "tlh",
        ),
    ] {
        let setup = new_setup().file("file", &text);
        let mut all = vec!["import", "file"];
        all.extend(arguments);
        let outcome = setup.run(&all).expect(1);
        assert!(outcome.err.contains(message), "{message}: {}", outcome.err);
        assert!(exported(&setup).is_empty(), "{text}");
    }
    let utf16: Vec<u8> = "[".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let setup = new_setup();
    std::fs::write(
        setup.path("file"),
        [&[0xff, 0xfe], utf16.as_slice()].concat(),
    )
    .unwrap();
    let outcome = setup.run(&["import", "file"]).expect(1);
    assert!(outcome.err.contains("UTF-8"), "{}", outcome.err);
}

/// Users before the error are imported, and stay when the corrected file is imported again.
#[test]
fn a_truncated_document_is_imported_up_to_its_end() {
    let people: Vec<Value> = (0..700)
        .map(|number| json!({"username": format!("user-{number}"), "id": format!("0a1b2c3d-0000-4000-8000-{number:012}")}))
        .collect();
    let text = json!({"realm": "shop", "users": people}).to_string();
    let setup = new_setup().file("realm.json", &text[..text.len() - 5]);
    let outcome = setup.run(&["import", "realm.json", "--json"]).expect(1);
    assert!(outcome.err.contains("after 699 users"), "{}", outcome.err);
    assert_eq!(outcome.json()["imported"], 699);
    let setup = setup.file("realm.json", &text);
    let (summary, _) = import(&setup, &["realm.json"], 0);
    assert_eq!(
        (&summary["imported"], &summary["already_exists"]),
        (&json!(1), &json!(699))
    );
}
