//! `doorward audit`, beside a running server and away from it (L-01, L-03).

use serde_json::Value;

use super::{Setup, eventually};
use crate::support::PASSWORD;

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
    let cut = cut.expect(1);
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
        let found = setup.run(&of_file).expect(1);
        assert!(found.out.contains("event-"), "{}", found.out);
    }
    std::fs::write(&file, &text).unwrap();
    let other = "A".repeat(43);
    let forged = setup.run(&["audit", "verify", "--file", &file, "--key", &other]);
    assert!(forged.expect(1).out.contains("is not signed by a key"));

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
