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

fn file_of(lines: &[String]) -> Setup {
    new_setup().file("users.jsonl", &format!("{HEADER}{}\n", lines.join("\n")))
}

/// The readers' own tests have the other reasons.
#[test]
fn every_rejected_line_is_reported_with_its_reason_and_the_others_are_imported() {
    let faults = [
        (with(3, "username", json!("a b")), "username-invalid"),
        (
            with(14, "password_hash", json!("$1$salt$qJH7.N4xYta3aEG/dfqo/0")),
            "password-unreadable",
        ),
        (with(16, "username", json!("USER-100")), "username-taken"),
        (
            with(17, "email", json!("User-100@example.com")),
            "email-taken",
        ),
        (with(100, "username", json!("other")), "id-taken"),
        (
            with(23, "name", json!("Ben")).replace("\"name\":", "\"name\":\"Eve\",\"name\":"),
            "malformed",
        ),
        (
            with(25, "data", json!({"a": 7})).replace(":7", ":18446744073709551616"),
            "malformed",
        ),
        ("7".to_owned(), "malformed"),
    ];
    let mut lines: Vec<String> = vec![user(100).to_string()];
    for (number, (line, _)) in faults.iter().enumerate() {
        lines.push(line.clone());
        lines.push(user(200 + number).to_string());
    }
    let setup = file_of(&lines);
    let (summary, report) = import(&setup, &["users.jsonl"], 1);
    assert_eq!(summary["imported"], 1 + faults.len());
    for (number, (_, code)) in faults.iter().enumerate() {
        let found = &report[number];
        assert_eq!(
            (&found["line"], &found["code"], &found["outcome"]),
            (&json!(3 + 2 * number), &json!(code), &json!("rejected"))
        );
    }
    assert_eq!(report.len(), faults.len());
    assert_eq!(exported(&setup).len(), 1 + faults.len());
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
fn a_file_in_utf16_is_rejected() {
    let setup = new_setup();
    std::fs::write(setup.path("file"), [0xff, 0xfe, b'[', 0]).unwrap();
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
    let arguments = ["import", "realm.json", "--allow-rejects"];
    let outcome = setup.run(&[&arguments[..], &["--json"]].concat()).expect(1);
    assert!(outcome.err.contains("after 699 users"), "{}", outcome.err);
    let summary = outcome.json();
    assert_eq!(
        (&summary["imported"], &summary["stopped_after"]),
        (&json!(699), &json!({"item": 699}))
    );
    let outcome = setup.run(&arguments).expect(1);
    assert!(
        outcome.out.contains("no user after user 699 was imported"),
        "{}",
        outcome.out
    );
    let setup = setup.file("realm.json", &text);
    let (summary, _) = import(&setup, &["realm.json"], 0);
    assert_eq!(
        (&summary["imported"], &summary["already_exists"]),
        (&json!(1), &json!(699))
    );
}

/// It may be the only copy.
#[test]
fn a_report_does_not_overwrite_another_file() {
    let text = format!("{HEADER}{}\n", user(1));
    let setup = Setup::on_a_file().file("users.jsonl", &text);
    let outcome = setup
        .run(&["import", "users.jsonl", "--report", "users.jsonl"])
        .expect(1);
    assert!(
        outcome.err.contains("users.jsonl exists"),
        "{}",
        outcome.err
    );
    let after = std::fs::read_to_string(setup.path("users.jsonl")).unwrap();
    assert_eq!(after, text);
    assert!(!setup.data_dir().exists(), "nothing is done before");
}
