//! `doorward audit`, beside a running server and away from it (L-01, L-03).

use serde_json::{Value, json};

use super::sink::python;
use super::{Setup, eventually};
use crate::support::{OTHER_PASSWORD, PASSWORD};

/// L-01, L-03: what the server has sealed is verified, exported, and checked where there is nothing but the
/// file and the public key; what is changed in it is found.
#[test]
fn the_audit_log_is_sealed_verified_and_exported() {
    let setup = Setup::new().with("ADMIN_PASSWORD", PASSWORD);
    let server = setup.start();
    server.sign_in("admin", PASSWORD);
    let sealed: Value = eventually("all is sealed", || {
        let verdict = setup.run(&["audit", "verify", "--json"]).expect(0).json();
        (verdict["waiting"] == 0).then_some(verdict)
    });
    assert!(sealed["events"].as_u64().unwrap() >= 3, "{sealed}");
    let checkpoint = sealed["checkpoint"].as_str().unwrap().to_owned();

    // The server's own log anchors the end.
    let log = server.stop();
    assert!(log.contains("audit.checkpoint"), "{log}");
    let setup = setup.file("server.log", &log);
    let from_log = setup.path("server.log").display().to_string();
    let verify = ["audit", "verify", "--from-log", &from_log, "--json"];
    let verdict = setup.run(&verify).expect(0).json();
    assert!(
        verdict["checkpoints_met"].as_u64().unwrap() > 0,
        "{verdict}"
    );
    setup
        .run(&["audit", "verify", "--checkpoint", &checkpoint])
        .expect(0);
    let beyond = format!("99:{}", "a".repeat(64));
    let cut = setup.run(&["audit", "verify", "--checkpoint", &beyond]);
    let cut = cut.expect(3);
    assert!(
        cut.out.contains("the end of the log was cut"),
        "{}",
        cut.out
    );

    let file = setup.path("audit.jsonl").display().to_string();
    setup.run(&["audit", "export", &file]).expect(0);
    let key = setup.run(&["audit", "key"]).expect(0).out.trim().to_owned();
    let of_file = ["audit", "verify", "--file", &file, "--key", &key, "--json"];
    let verdict = setup.run(&of_file).expect(0).json();
    assert_eq!(verdict["whole"], true);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains(PASSWORD));
    for (from, to) in [
        ("\"outcome\":\"success\"", "\"outcome\":\"failure\""),
        ("\"event\":\"sign-in\"", "\"event\":\"sign-out\""),
        ("127.0.0.1", "127.0.0.2"),
    ] {
        assert!(text.contains(from), "{from}");
        std::fs::write(&file, text.replacen(from, to, 1)).unwrap();
        let found = setup.run(&of_file).expect(3);
        assert!(found.out.contains("event-"), "{}", found.out);
    }
    std::fs::write(&file, &text).unwrap();
    let other = "A".repeat(43);
    let forged = setup.run(&["audit", "verify", "--file", &file, "--key", &other]);
    assert!(forged.expect(3).out.contains("is not signed by a key"));

    // What is whole does not become a choice by a word, nor another's.
    for (from, to) in [
        ("\"chosen\":false", "\"chosen\":true"),
        ("\"exported_at\":\"20", "\"exported_at\":\"21"),
    ] {
        let is_kept = |row: &&str| !row.contains("\"event\":\"sign-in\"");
        let rows: Vec<_> = text.lines().filter(is_kept).collect();
        std::fs::write(&file, rows.join("\n").replacen(from, to, 1)).unwrap();
        let found = setup.run(&of_file).expect(3);
        assert!(found.out.contains("head-forged"), "{}", found.out);
    }

    // One key in 64 begins with a hyphen.
    let hyphen = "-oTsJoMXeDxzf-lr8BLJO44l29669rTBJUKim68y8so";
    std::fs::write(&file, &text).unwrap();
    setup
        .run(&["audit", "verify", "--file", &file, "--key", hyphen])
        .expect(3);

    // A choice can be checked as far as it goes.
    let chosen = setup.path("chosen.jsonl").display().to_string();
    setup
        .run(&["audit", "export", &chosen, "--event", "sign-in"])
        .expect(0);
    let of_choice = [
        "audit", "verify", "--file", &chosen, "--key", &key, "--json",
    ];
    let verdict = setup.run(&of_choice).expect(0).json();
    assert_eq!(
        (&verdict["whole"], &verdict["events"]),
        (&Value::from(false), &Value::from(1))
    );
}

/// L-01: nothing waits for a seal where nobody would make it: not after a server has stopped, and not
/// after a command; and what could not be looked at is told from what does not hold.
#[test]
fn what_is_left_is_sealed_at_a_stop_and_after_a_command() {
    let setup = Setup::new().with("ADMIN_PASSWORD", PASSWORD);
    let server = setup.start();
    server.sign_in("admin", PASSWORD);
    server.stop();
    let verify = ["audit", "verify", "--json"];
    let stopped = setup.run(&verify).expect(0).json();
    assert_eq!(stopped["waiting"], 0, "{stopped}");
    setup.run(&["keys", "rotate"]).expect(0);
    let rotated = setup.run(&verify).expect(0).json();
    assert_eq!(rotated["waiting"], 0, "{rotated}");
    assert!(rotated["events"].as_u64() > stopped["events"].as_u64());

    let wrong = ["audit", "verify", "--key", "no key"];
    setup.run(&wrong).expect(1);

    // What is to be copied stands on a line of its own.
    let checkpoint = rotated["checkpoint"].as_str().unwrap();
    let told = setup.run(&["audit", "verify"]).expect(0).out;
    assert!(told.lines().any(|line| line == checkpoint), "{told}");
    let file = setup.path("audit.jsonl").display().to_string();
    let exported = setup.run(&["audit", "export", &file]).expect(0).out;
    let key = setup.run(&["audit", "key"]).expect(0).out.trim().to_owned();
    let copied = format!("doorward audit verify --file {file} --key {key}");
    assert!(exported.lines().any(|line| line == copied), "{exported}");
}

/// L-01: whoever takes the last seals out of an exported file cannot call what they held waiting.
#[test]
fn what_is_unsealed_in_a_file_shows() {
    let setup = Setup::new().with("ADMIN_PASSWORD", PASSWORD);
    setup.start().stop();
    let file = setup.path("audit.jsonl").display().to_string();
    setup.run(&["audit", "export", &file]).expect(0);
    let key = setup.run(&["audit", "key"]).expect(0).out.trim().to_owned();
    let verify = ["audit", "verify", "--file", &file, "--key", &key, "--json"];
    let verdict = setup.run(&verify).expect(0).json();
    assert_eq!(verdict["waiting"], 0, "{verdict}");
    let lines: Vec<Value> = std::fs::read_to_string(&file)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (head, event) = (&lines[0], lines.last().unwrap());
    let mut loose = event.clone();
    for key in ["seal", "personal_digest", "personal_salt"] {
        loose["event"][key] = Value::Null;
    }
    // Of this moment it may be, but the file says up to which seal it goes.
    std::fs::write(&file, format!("{head}\n{loose}\n")).unwrap();
    let found = setup.run(&verify).expect(3).out;
    assert!(
        found.contains("tail-cut") && found.contains("\"waiting\":1"),
        "{found}"
    );
    loose["event"]["at"] = Value::from("2020-01-01T00:00:00Z");
    std::fs::write(&file, format!("{head}\n{loose}\n")).unwrap();
    let found = setup.run(&verify).expect(3).out;
    assert!(found.contains("event-misdated"), "{found}");
    loose["event"]["id"] = Value::from("016f5e66-e800-7000-8000-000000000000");
    std::fs::write(&file, format!("{head}\n{loose}\n")).unwrap();
    let found = setup.run(&verify).expect(3).out;
    assert!(found.contains("event-unsealed"), "{found}");
    // And none stands before a seal.
    let seal = lines.iter().find(|line| line.get("seal").is_some());
    std::fs::write(&file, format!("{head}\n{event}\n")).unwrap();
    setup.run(&verify).expect(1);
    let mixed = format!("{head}\n{loose}\n{}\n", seal.unwrap());
    std::fs::write(&file, mixed).unwrap();
    setup.run(&verify).expect(1);
}

/// L-01: what the cap left out is told when the server stops, under the same seal as all else.
#[test]
fn a_server_that_stops_says_what_it_left_out() {
    let setup = Setup::new().with("ADMIN_PASSWORD", PASSWORD);
    let server = setup.start();
    let body = json!({"username": "ben", "password": OTHER_PASSWORD});
    server.post("/user", body).expect(201);
    let token = server.sign_in("ben", OTHER_PASSWORD);
    for _ in 0..75 {
        let reached = server.send("GET", "/user/admin", Some(&token), None);
        reached.expect(403);
    }
    server.stop();
    let file = setup.path("audit.jsonl").display().to_string();
    let of_kind = ["audit", "export", &file, "--event", "events-suppressed"];
    setup.run(&of_kind).expect(0);
    let rows = std::fs::read_to_string(&file).unwrap();
    let told: Vec<Value> = rows
        .lines()
        .map(|row| serde_json::from_str::<Value>(row).unwrap()["event"].clone())
        .filter(|event| !event.is_null())
        .collect();
    assert_eq!(told.len(), 1, "{rows}");
    // A bucket of sixty an hour has one more after a minute.
    let detail = told[0]["detail"].as_str().unwrap();
    let count = detail.strip_prefix("forbidden ").unwrap();
    let count: u32 = count.split(' ').next().unwrap().parse().unwrap();
    assert!((13..=15).contains(&count), "{detail}");
    assert_eq!(
        told[0]["actor"],
        format!("user:{}", told[0]["user_id"].as_str().unwrap())
    );
    let verdict = setup.run(&["audit", "verify", "--json"]).expect(0).json();
    assert_eq!(verdict["waiting"], 0, "{verdict}");
}

/// L-01: a master key that was lost shows: the break is a line of the log, and what was sealed before is told from a forgery, or trusted where its key was written down.
#[test]
fn a_lost_master_key_is_told() {
    let setup = Setup::new().with("ADMIN_PASSWORD", PASSWORD);
    setup.start().stop();
    let before = setup.run(&["audit", "key"]).expect(0).out.trim().to_owned();
    // What the server says to do where it is lost for good; another is made by that.
    std::fs::remove_file(setup.data_dir().join("master.key")).unwrap();
    setup.run(&["keys", "rotate"]).expect(0);
    setup.start().stop();
    let found = setup.run(&["audit", "verify", "--json"]).expect(3).out;
    assert!(found.contains("seal-of-another-key"), "{found}");
    assert!(!found.contains("seal-forged"), "{found}");
    let by_both = ["audit", "verify", "--key", &before, "--json"];
    setup.run(&by_both).expect(0);
    let file = setup.path("audit.jsonl").display().to_string();
    let of_kind = ["audit", "export", &file, "--event", "seal-broken"];
    setup.run(&of_kind).expect(0);
    let rows = std::fs::read_to_string(&file).unwrap();
    assert_eq!(rows.matches("\"seal-broken\"").count(), 1, "{rows}");
}

/// Does that to the file of a server that does not run.
fn edit(setup: &Setup, sql: &str) {
    let script =
        "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as db: db.execute(sys.argv[2])";
    let file = setup.data_dir().join("doorward.db");
    let mut python = std::process::Command::new(python());
    python.args(["-c", script]).arg(file).arg(sql);
    assert!(python.status().unwrap().success());
}

/// L-01: the server says that the last seal was edited, in its own log and in the audit log, and goes on
/// sealing; a line that cannot be read is shown as one, and keeps nobody from signing in.
#[test]
fn what_was_edited_in_the_file_is_told_and_stops_nothing() {
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
        "UPDATE audit_seals SET counted = counted + 1 WHERE position = (SELECT MAX(position) FROM audit_seals)",
    );
    let server = setup.start();
    let token = server.sign_in("admin", PASSWORD);
    let listed = server.send("GET", "/audit", Some(&token), None);
    let listed = listed.expect(200).json();
    let named = |name: &str| {
        let items = listed["items"].as_array().unwrap().iter();
        items.filter(|item| item["event"] == name).count()
    };
    assert_eq!((named("unreadable"), named("sign-in")), (1, 1), "{listed}");
    server.send("GET", "/audit", Some(&token), None).expect(200);
    let log = server.stop();
    let said = log
        .matches("a line of the audit log cannot be read")
        .count();
    assert_eq!(said, 1, "each is said once: {log}");
    assert!(
        log.contains("the last seal of the audit log was edited"),
        "{log}"
    );
    let server = setup.start();
    let token = server.sign_in("admin", PASSWORD);
    let path = "/audit?event=seal-broken";
    let told = server.send("GET", path, Some(&token), None).expect(200);
    let told = told.json();
    assert_eq!(told["items"].as_array().unwrap().len(), 1, "{told}");
    let log = server.stop();
    assert!(!log.contains("the last seal of the audit log"), "{log}");
    let found = setup.run(&["audit", "verify", "--json"]).expect(3).out;
    assert!(
        found.contains("seal-edited") && found.contains("event-edited"),
        "{found}"
    );
}

/// L-01: a log that was emptied is none that has never been.
#[test]
fn an_emptied_log_is_found() {
    let setup = Setup::on_a_file().with("ADMIN_PASSWORD", PASSWORD);
    setup.start().stop();
    setup.run(&["audit", "verify"]).expect(0);
    for table in ["audit_events", "audit_seals"] {
        edit(&setup, &format!("DELETE FROM {table}"));
    }
    let found = setup.run(&["audit", "verify", "--json"]).expect(3).out;
    assert!(found.contains("log-emptied"), "{found}");
}

/// L-01: who puts something on the log's tables does not hush the word of it by one thing more.
#[test]
fn what_stands_on_the_log_is_told_whatever_else_fails() {
    let setup = Setup::on_a_file().with("ADMIN_PASSWORD", PASSWORD);
    setup.start().stop();
    for sql in [
        "CREATE TRIGGER quiet_one BEFORE INSERT ON audit_events WHEN NEW.event = 'sign-out' BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER shy_one BEFORE UPDATE ON audit_erasures BEGIN SELECT RAISE(ABORT, 'later'); END",
        "INSERT INTO audit_erasures (user_id, ordered_at, signature) VALUES (randomblob(16), 1, x'')",
    ] {
        edit(&setup, sql);
    }
    let server = setup.start();
    let token = server.sign_in("admin", PASSWORD);
    let log = eventually("both are told, and what could not be done", || {
        let log = server.log();
        let has = |words: &str| log.contains(words);
        let is_told = has("quiet_one") && has("shy_one");
        (is_told && has("could not be erased from the audit log")).then_some(log)
    });
    assert!(!log.contains("could not be sealed"), "{log}");
    let refused = server.send("DELETE", "/auth", Some(&token), None);
    refused.expect(503);
    server.stop();
    let report = setup.run(&["doctor", "--json"]).expect(1).out;
    assert!(report.contains("quiet_one, shy_one"), "{report}");
}

/// L-01: whoever copies the database leaves a line, in the copy as well; where the database takes none, it is
/// copied all the same.
#[test]
fn a_backup_leaves_a_line() {
    let setup = Setup::on_a_file().with("ADMIN_PASSWORD", PASSWORD);
    setup.start().stop();
    let copy = setup.path("copy.db");
    let backup = |name: &str| {
        let file = setup.path(name).display().to_string();
        setup.run(&["backup", &file])
    };
    backup("copy.db").expect(0);
    // Nothing can be copied there, and nothing is said.
    backup("copy.db").expect(1);
    backup("nowhere/copy.db").expect(1);
    let lines = || {
        let file = setup.path("audit.jsonl").display().to_string();
        std::fs::remove_file(&file).ok();
        let of_kind = ["audit", "export", &file, "--event", "backup-taken"];
        setup.run(&of_kind).expect(0);
        let rows = std::fs::read_to_string(&file).unwrap();
        rows.matches("\"backup-taken\"").count()
    };
    assert_eq!(lines(), 1);
    setup.run(&["audit", "verify"]).expect(0);
    std::fs::copy(&copy, setup.data_dir().join("doorward.db")).unwrap();
    assert_eq!(lines(), 1, "it is in the copy");

    edit(&setup, "DELETE FROM schema_migrations WHERE version = 3");
    let before = backup("before.db").expect(0);
    assert!(
        before.err.contains("no event for this backup"),
        "{}",
        before.err
    );
    assert!(setup.path("before.db").is_file());
}

/// L-01: a file whose end is another than its signed first line names is none that was exported: a database
/// that was put back signs with the same key.
#[test]
fn a_file_of_two_exports_is_found() {
    let setup = Setup::on_a_file().with("ADMIN_PASSWORD", PASSWORD);
    setup.start().stop();
    let copy = setup.path("copy.db").display().to_string();
    setup.run(&["backup", &copy]).expect(0);
    let key = setup.run(&["audit", "key"]).expect(0).out.trim().to_owned();
    let file = setup.path("audit.jsonl").display().to_string();
    let exported = [(), ()].map(|()| {
        std::fs::copy(&copy, setup.data_dir().join("doorward.db")).unwrap();
        setup.run(&["keys", "rotate"]).expect(0);
        std::fs::remove_file(&file).ok();
        setup.run(&["audit", "export", &file]).expect(0);
        std::fs::read_to_string(&file).unwrap()
    });
    let verify = ["audit", "verify", "--file", &file, "--key", &key, "--json"];
    setup.run(&verify).expect(0);
    let [(head, _), (_, rest)] = exported
        .each_ref()
        .map(|text| text.split_once('\n').unwrap());
    std::fs::write(&file, format!("{head}\n{rest}")).unwrap();
    let found = setup.run(&verify).expect(3).out;
    assert!(found.contains("checkpoint-differs"), "{found}");
}
