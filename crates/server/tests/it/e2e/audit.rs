//! `doorward audit` next to a running server and without one (L-01, L-03).

use std::process::Command;

use serde_json::{Value, json};

use super::{Setup, edit, eventually};
use crate::support::{OTHER_PASSWORD, PASSWORD};

const VERIFY: [&str; 3] = ["audit", "verify", "--json"];

fn public_key(setup: &Setup) -> String {
    let printed = setup.run(&["audit", "key"]).expect(0).out;
    printed.trim().to_owned()
}

/// The last checkpoint in a server's log, as `docs/operations/verify-audit-log.md` takes it.
fn last_checkpoint(setup: &Setup) -> String {
    let script = "grep audit.checkpoint server.log | tail -n 1 | grep -oE '[0-9]+:[0-9a-f]{64}'";
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(setup.path(""));
    let printed = String::from_utf8(command.output().unwrap().stdout).unwrap();
    printed.trim().to_owned()
}

/// The code of the violation that a failed verification reports.
fn code(report: &Value) -> &str {
    assert_eq!(report["verified"], false, "{report}");
    report["finding"]["code"].as_str().unwrap()
}

#[test]
fn a_running_server_seals_its_log_and_records_checkpoints() {
    let setup = Setup::new().with("ADMIN_PASSWORD", PASSWORD);
    let server = setup.start();
    server.sign_in("admin", PASSWORD);
    let report: Value = eventually("all events are sealed", || {
        let report = setup.run(&VERIFY).expect(0).json();
        // Events that are sealed while the log is read count as neither.
        (report["unsealed"] == 0 && report["events"] != 0).then_some(report)
    });
    assert_eq!(
        (&report["verified"], &report["finding"]),
        (&json!(true), &Value::Null)
    );
    assert!(report["events"].as_u64().unwrap() >= 3, "{report}");

    let setup = setup.file("server.log", &server.stop());
    let recorded = last_checkpoint(&setup);
    let report = setup.run(&["audit", "verify", "--checkpoint", &recorded, "--json"]);
    let report = report.expect(0).json();
    assert_eq!(report["checkpoints_found"], 1, "{report}");
    let checkpoint = report["checkpoint"].as_str().unwrap();
    let beyond = format!("9999:{}", "a".repeat(64));
    let report = setup.run(&["audit", "verify", "--checkpoint", &beyond, "--json"]);
    assert_eq!(code(&report.expect(3).json()), "log-end-missing");

    // The checkpoint has a line to itself, to be copied.
    let text = setup.run(&["audit", "verify"]).expect(0).out;
    assert!(text.lines().any(|line| line == checkpoint), "{text}");
    setup.run(&["audit", "verify", "--key", "no key"]).expect(1);
}

#[test]
fn an_export_is_verified_with_the_public_key_alone() {
    let setup = Setup::new().with("ADMIN_PASSWORD", PASSWORD);
    let server = setup.start();
    server.sign_in("admin", PASSWORD);
    server.stop();
    let file = setup.path("audit.jsonl").display().to_string();
    let exported = setup.run(&["audit", "export", &file]).expect(0).out;
    let key = public_key(&setup);
    let command = format!("doorward audit verify --file {file} --key {key}");
    assert!(exported.lines().any(|line| line == command), "{exported}");
    let verify = ["audit", "verify", "--file", &file, "--key", &key, "--json"];
    let report = setup.run(&verify).expect(0).json();
    assert_eq!(report["complete"], true, "{report}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains(PASSWORD));

    let lines: Vec<&str> = text.lines().collect();
    let without = |part: &str| {
        let kept = lines.iter().copied().filter(|line| !line.contains(part));
        kept.collect::<Vec<_>>().join("\n")
    };
    let before_end = lines[..lines.len() - 1].join("\n");
    for (changed, expected) in [
        (
            text.replacen("\"success\"", "\"failure\"", 1),
            "event-edited",
        ),
        (without("\"event\":\"sign-in\""), "event-missing"),
        (
            text.replacen("\"complete\":true", "\"complete\":false", 1),
            "export-header-forged",
        ),
        (
            text.replacen("\"exported_at\":\"20", "\"exported_at\":\"21", 1),
            "export-header-forged",
        ),
        (before_end, "checkpoint-missing"),
        (lines[0].to_owned(), "log-end-missing"),
    ] {
        std::fs::write(&file, changed).unwrap();
        let report = setup.run(&verify).expect(3).json();
        assert_eq!(code(&report), expected, "{report}");
    }
    for changed in [
        text.replacen("{\"event\"", "{\"evil\"", 1),
        lines[1].to_owned(),
    ] {
        std::fs::write(&file, changed).unwrap();
        setup.run(&verify).expect(1);
    }
    // One key in 64 begins with a hyphen.
    let other = "-oTsJoMXeDxzf-lr8BLJO44l29669rTBJUKim68y8so";
    std::fs::write(&file, &text).unwrap();
    let report = setup.run(&["audit", "verify", "--file", &file, "--key", other, "--json"]);
    assert_eq!(code(&report.expect(3).json()), "export-header-forged");

    // A filtered export is for reading.
    let filtered = setup.path("filtered.jsonl").display().to_string();
    let exported = setup
        .run(&["audit", "export", &filtered, "--event", "sign-in"])
        .expect(0);
    assert!(!exported.out.contains("audit verify"), "{}", exported.out);
    let text = std::fs::read_to_string(&filtered).unwrap();
    assert_eq!(text.matches("\"event\":\"sign-in\"").count(), 1);
    assert_eq!(text.lines().count(), 2, "{text}");
    let refused = setup.run(&["audit", "verify", "--file", &filtered, "--key", &key]);
    let error = refused.expect(1).err;
    assert!(error.contains("is a filtered export"), "{error}");
}

#[test]
fn all_events_are_sealed_at_shutdown_and_after_a_command() {
    let setup = Setup::new().with("ADMIN_PASSWORD", PASSWORD);
    let server = setup.start();
    let body = json!({"username": "ben", "password": OTHER_PASSWORD});
    server.post("/user", body).expect(201);
    let token = server.sign_in("ben", OTHER_PASSWORD);
    for _ in 0..75 {
        let refused = server.send("GET", "/user/admin", Some(&token), None);
        refused.expect(403);
    }
    server.stop();
    let stopped = setup.run(&VERIFY).expect(0).json();
    assert_eq!(stopped["unsealed"], 0, "{stopped}");
    setup.run(&["keys", "rotate"]).expect(0);
    let rotated = setup.run(&VERIFY).expect(0).json();
    assert_eq!(rotated["unsealed"], 0, "{rotated}");
    assert!(rotated["events"].as_u64() > stopped["events"].as_u64());

    // A server that stops writes the count of suppressed events.
    let written = exported(&setup, "events-suppressed");
    let [event] = &written[..] else {
        panic!("{written:?}");
    };
    // The limit of sixty an hour allows one more after a minute.
    let count = event["detail"].as_str().unwrap().strip_prefix("forbidden ");
    let count: u32 = count.unwrap().parse().unwrap();
    assert!((13..=15).contains(&count), "{event}");
}

/// The events of that kind.
fn exported(setup: &Setup, event: &str) -> Vec<Value> {
    let export = ["audit", "export", "-", "--event", event];
    let lines = setup.run(&export).expect(0).out;
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines
        .map(|line: Value| line["event"].clone())
        .filter(|event| !event.is_null())
        .collect()
}

#[test]
fn a_changed_master_key_is_reported() {
    let setup = Setup::new().with("ADMIN_PASSWORD", PASSWORD);
    setup.start().stop();
    let earlier = public_key(&setup);
    // A new key is created on confirmation.
    std::fs::remove_file(setup.data_dir().join("master.key")).unwrap();
    setup.run(&["keys", "rotate", "--yes"]).expect(0);
    setup.start().stop();
    let report = setup.run(&VERIFY).expect(3).json();
    assert_eq!(code(&report), "checkpoint-unknown-key");
    assert!(
        report["finding"]["detail"]
            .as_str()
            .unwrap()
            .contains(&earlier),
        "{report}"
    );
    setup
        .run(&["audit", "verify", "--key", &earlier, "--json"])
        .expect(0);
    assert_eq!(exported(&setup, "seal-broken").len(), 1);
}

/// L-01: an unreadable event is listed as such, and a modified checkpoint is reported; neither stops
/// signing in or sealing.
#[test]
fn tampering_is_reported_and_does_not_stop_the_server() {
    let setup = Setup::on_a_file().with("ADMIN_PASSWORD", PASSWORD);
    let server = setup.start();
    server.sign_in("admin", PASSWORD);
    server.stop();
    edit(
        &setup,
        "UPDATE audit_events SET outcome = 'partial' WHERE event = 'sign-in'",
    );
    edit(
        &setup,
        "UPDATE audit_checkpoints SET created_at = created_at + 1 \
         WHERE position = (SELECT MAX(position) FROM audit_checkpoints)",
    );
    let server = setup.start();
    let token = server.sign_in("admin", PASSWORD);
    let list = |path: &str| {
        let listed = server.send("GET", path, Some(&token), None).expect(200);
        listed.json()["items"].as_array().unwrap().clone()
    };
    let listed = list("/audit");
    let count = |name: &str| listed.iter().filter(|item| item["event"] == name).count();
    assert_eq!(
        (count("unreadable"), count("sign-in")),
        (1, 1),
        "{listed:?}"
    );
    eventually("the modified checkpoint is reported", || {
        (list("/audit?event=seal-broken").len() == 1).then_some(())
    });
    let log = server.stop();
    assert!(log.contains("unreadable audit event"), "{log}");
    assert!(
        log.contains("the last audit checkpoint was modified"),
        "{log}"
    );
    let report = setup.run(&VERIFY).expect(3).json();
    assert_eq!(code(&report), "event-edited", "{report}");
}

/// L-01: a backup is an audit event, which is in the copy, too. If the event cannot be written, the copy is still
/// made.
#[test]
fn a_backup_is_audited() {
    let setup = Setup::on_a_file().with("ADMIN_PASSWORD", PASSWORD);
    setup.start().stop();
    let copy = setup.path("copy.db");
    let backup = |name: &str| {
        let file = setup.path(name).display().to_string();
        setup.run(&["backup", &file])
    };
    backup("copy.db").expect(0);
    // Nothing can be copied there, and no event is written.
    backup("copy.db").expect(1);
    backup("nowhere/copy.db").expect(1);
    let lines = || exported(&setup, "backup-taken").len();
    assert_eq!(lines(), 1);
    setup.run(&["audit", "verify"]).expect(0);
    std::fs::copy(&copy, setup.data_dir().join("doorward.db")).unwrap();
    assert_eq!(lines(), 1, "it is in the copy");

    edit(&setup, "DELETE FROM schema_migrations WHERE version = 1");
    let before = backup("before.db").expect(0);
    assert!(
        before.err.contains("no event for this backup"),
        "{}",
        before.err
    );
    assert!(setup.path("before.db").is_file());
}
