//! Files that other programs write incorrectly, or that were edited by hand: no user is dropped silently, and
//! nothing is misread.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::rejects::user;
use super::{HEADER, Setup, exported, import, new_setup};

/// Rejected lines or items, with their codes.
fn rejected(report: &[Value], place: &str) -> Vec<(u64, String)> {
    let rejected = report.iter().filter(|line| line["outcome"] == "rejected");
    rejected
        .map(|line| (line[place].as_u64().unwrap(), line["code"].to_string()))
        .collect()
}

fn malformed(place: u64) -> (u64, String) {
    (place, "\"malformed\"".to_owned())
}

#[test]
fn a_misplaced_quotation_mark_in_a_csv_file_rejects_one_user_and_names_them() {
    let id = |number: usize| format!("9f8e7d6c-5b4a-4938-8271-{number:012}");
    let mut text = "id,email,encrypted_password,phone\n".to_owned();
    for number in 0..700 {
        let odd = if number == 7 { "\"" } else { "" };
        let _ = writeln!(text, "{},{odd}user-{number}@example.com,,", id(number));
    }
    let setup = new_setup().file("users.csv", &text);
    let (summary, report) = import(&setup, &["users.csv", "--format=supabase"], 1);
    assert_eq!(
        (&summary["read"], &summary["imported"]),
        (&json!(700), &json!(699))
    );
    assert_eq!(rejected(&report, "line"), [malformed(9)]);
}

#[test]
fn a_table_with_a_duplicate_column_is_rejected() {
    let text = "id,email,encrypted_password,id\n9f8e7d6c-5b4a-4938-8271-000000000001,a@b.de,,7\n";
    let setup = new_setup().file("users.csv", text);
    let outcome = setup.run(&["import", "users.csv"]).expect(1);
    assert!(outcome.err.contains("column `id` twice"), "{}", outcome.err);
    assert!(exported(&setup).is_empty());
}

#[test]
fn a_user_that_cannot_be_represented_is_one_rejection() {
    let id = |number: usize| format!("0a1b2c3d-0000-4000-8000-{number:012}");
    let person = |number: usize, more: &str| {
        format!(
            "{{\"username\":\"user-{number}\",\"id\":\"{}\"{more}}}",
            id(number)
        )
    };
    let deep = format!(",\"x\":{}{}", "[".repeat(200), "]".repeat(200));
    let twice = ",\"email\":\"a@b.de\",\"email\":\"c@d.de\"";
    let large = ",\"attributes\":{\"a\":[1e-400]}";
    let odd = [",\"firstName\":\"\\ud83d\"", &deep, twice, large];
    let users = odd
        .iter()
        .enumerate()
        .flat_map(|(at, more)| [person(2 * at, ""), person(2 * at + 1, more)]);
    let users: Vec<_> = users.chain([person(9, "")]).collect();
    let text = format!(
        "{{\"realm\":\"shop\",\"users\":[{}],\"x\":1}}",
        users.join(",\n")
    );
    let setup = new_setup().file("realm.json", &text);
    let (summary, report) = import(&setup, &["realm.json"], 1);
    assert_eq!(
        (&summary["read"], &summary["imported"]),
        (&json!(9), &json!(5))
    );
    assert_eq!(rejected(&report, "item"), [2, 4, 6, 8].map(malformed));
    assert!(summary.get("stopped_after").is_none());
}

/// Even if rejections are allowed: the users after the error are in no count.
#[test]
fn a_document_with_a_syntax_error_is_never_a_success() {
    let id = |number: usize| format!("0a1b2c3d-0000-4000-8000-{number:012}");
    let person = |number: usize| json!({"username": format!("user-{number}"), "id": id(number)});
    let people: Vec<_> = (1..=5).map(|number| person(number).to_string()).collect();
    let text = format!("{{\"realm\":\"shop\",\"users\":[{}]}}", people.join(","));
    for odd in [
        text.replace("\"user-3\"", "\"us\"er-3\""),
        text.replace("\"user-3\"", "\"user-3"),
        text.replace("\"user-3\"", "\"user\t3\""),
        text.replace("\"user-3\"", ","),
        text[..text.find("user-3").unwrap()].to_owned(),
    ] {
        let setup = new_setup().file("realm.json", &odd);
        let (summary, report) = import(&setup, &["realm.json", "--allow-rejects"], 1);
        assert_eq!(summary["imported"], 2);
        assert_eq!(rejected(&report, "item"), []);
        assert_eq!(summary["stopped_after"], json!({"item": 2}));
        let outcome = setup
            .run(&["import", "realm.json", "--allow-rejects"])
            .expect(1);
        assert!(
            outcome.out.contains("no user after user 2 was imported"),
            "{}",
            outcome.out
        );
        assert!(outcome.err.contains("after 2 users"), "{}", outcome.err);
    }
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
