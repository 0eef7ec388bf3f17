//! Output of the commands: JSON for every command, 80 columns, and a configuration file to start with.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::{Setup, mode};
use crate::support::PASSWORD;

const ADDRESS: &str =
    "a-very-long-name-that-goes-on-and-on-and-on@a-domain-that-is-long-as-well.example.com";

/// A user with an authenticator app.
const ADA: &str = r#"{"format":"doorward-users","version":7}
{"id":"0193d2a0-0000-7000-8000-000000000001","username":"ada","role":"user","status":"active","locale":"en","security_epoch":1,"version":1,"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z","factors":{"totp":[{"name":"Phone","secret":"GEZDGNBVGY3TQOJQ","algorithm":"SHA1","digits":6,"period":30,"created_at":"2026-01-01T00:00:00Z"}],"recovery_codes":[]}}
"#;

/// A folder with users, one of them with all fields at their maximum length.
fn setup_with_users() -> Setup {
    let setup = Setup::on_a_file()
        .with("ADMIN_PASSWORD", PASSWORD)
        .file("ada.jsonl", ADA);
    let long = "x".repeat(64);
    for arguments in [
        &["user", "create", "--username", "ben", "--role", "admin"][..],
        &["user", "create", "--username", &long],
        &["user", "create", "--email", ADDRESS],
        &[
            "user",
            "create",
            "--username",
            "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字",
        ],
    ] {
        setup.run(arguments).expect(0);
    }
    setup
}

/// Terminals display these with double width.
fn width(line: &str) -> usize {
    line.chars()
        .map(|c| {
            if c >= '\u{1100}' && c != '…' && c != '→' && c != '✓' && c != '✗' {
                2
            } else {
                1
            }
        })
        .sum()
}

/// The commands without subcommands, as in the man pages.
fn leaves(setup: &Setup) -> BTreeSet<String> {
    let reported = setup
        .run(&["man", "--out", "man", "--json"])
        .expect(0)
        .json();
    let names: Vec<String> = reported["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            file.as_str()
                .unwrap()
                .trim_start_matches("man/doorward")
                .trim_end_matches(".1")
                .trim_start_matches('-')
                .to_owned()
        })
        .collect();
    let is_group = |name: &String| {
        names
            .iter()
            .any(|other| other.starts_with(&format!("{name}-")))
    };
    names
        .iter()
        .filter(|name| !name.is_empty() && !is_group(name))
        .cloned()
        .collect()
}

/// Arguments for each command, in an order that works.
const CALLS: &[&[&str]] = &[
    &["migrate"],
    &["migrate", "status"],
    &["backup", "copy.db"],
    &["export", "users.jsonl"],
    &["import", "users.jsonl", "--dry-run"],
    &["user", "list"],
    &["user", "show", "ben"],
    &["user", "create", "--username", "eve"],
    &["user", "invite", "--username", "ida"],
    &["user", "set-password", "eve"],
    &["user", "set-role", "eve", "admin"],
    &["user", "disable", "eve"],
    &["user", "enable", "eve"],
    &["user", "export", "eve"],
    &["user", "delete", "eve", "--yes"],
    &["import", "ada.jsonl"],
    &["user", "factors", "ada"],
    &["user", "remove-factor", "ada", "--yes"],
    &["keys", "rotate"],
    &["keys", "list"],
    &[
        "passwords",
        "build-filter",
        "--from",
        "hashes.txt",
        "--to",
        "breached.bin",
        "--allow-partial",
    ],
    &["audit", "verify"],
    &["audit", "key"],
    &["audit", "export", "audit.jsonl"],
    &["config", "show"],
    &["config", "check"],
    &["doctor"],
    &["openapi"],
    &["init", "made.toml"],
    &["completions", "bash"],
    &["man"],
];

#[test]
fn every_command_has_json_output() {
    let setup = setup_with_users().file("hashes.txt", &format!("{}:1\n", "AB".repeat(20)));
    let mut missing = leaves(&setup);
    for call in CALLS {
        let outcome = setup.run(&[call, &["--json"][..]].concat());
        // The doctor finds no server at its public URL.
        let expected = if call[0] == "doctor" { outcome.code } else { 0 };
        outcome.expect(expected).json();
        missing.remove(&call.join("-"));
        missing.remove(&call[..2.min(call.len())].join("-"));
        missing.remove(call[0]);
    }
    let keys = setup.run(&["keys", "list", "--json"]).expect(0).json();
    let kid = keys["keys"][0]["kid"].as_str().unwrap();
    let revoked = setup.run(&["keys", "revoke", kid, "--yes", "--json"]);
    revoked.expect(0).json();
    missing.remove("keys-revoke");
    let server = setup.start();
    let address = format!("127.0.0.1:{}", server.port);
    let asking = setup.clone().with("DOORWARD_LISTEN", &address);
    assert_eq!(
        asking.run(&["healthcheck", "--json"]).expect(0).json(),
        json!({"ok": true})
    );
    missing.remove("healthcheck");
    let mut serving = setup.command(&["serve", "--json"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(serving.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let reported: Value = serde_json::from_str(&line).unwrap();
    serving.kill().unwrap();
    serving.wait().unwrap();
    assert!(
        reported["url"]
            .as_str()
            .unwrap()
            .starts_with("http://localhost:"),
        "{reported}"
    );
    missing.remove("serve");
    assert_eq!(missing, BTreeSet::new(), "these have not been tried");
}

#[test]
fn every_table_fits_80_columns_and_no_id_is_cut() {
    let setup = setup_with_users()
        .with("DATABASE_URL", "")
        .with(
            "SMTP_URL",
            &format!("smtp://ben:secret@{}.example:25", "mail.".repeat(30)),
        )
        .with(
            "DOORWARD_MAIL__TEMPLATES",
            &format!("/tmp/{}", "x".repeat(200)),
        )
        .with("DOORWARD_DATABASE__STATEMENT_TIMEOUT_SECONDS", "9");
    for call in CALLS {
        if ["openapi", "completions", "man", "passwords"].contains(&call[0])
            || call.starts_with(&["user", "export"])
        {
            continue;
        }
        let setup = if call[0] == "config" && call[1] == "show" {
            setup.clone()
        } else {
            setup
                .clone()
                .with("SMTP_URL", "")
                .with("DOORWARD_MAIL__TEMPLATES", "")
        };
        let outcome = setup.run(call);
        for line in outcome.out.lines() {
            // Text to be copied has a line to itself, of any length.
            let is_to_copy = line.starts_with("doorward audit verify ");
            assert!(is_to_copy || width(line) <= 80, "{call:?}: {line}");
        }
        assert!(!outcome.out.is_empty(), "{call:?}: {}", outcome.err);
    }
    let table = setup
        .clone()
        .with("SMTP_URL", "")
        .with("DOORWARD_MAIL__TEMPLATES", "");
    let ids = table.run(&["user", "list", "--json"]).expect(0).json();
    let table = table.run(&["user", "list"]).expect(0).out;
    for item in ids["items"].as_array().unwrap() {
        assert!(table.contains(item["id"].as_str().unwrap()), "{table}");
    }
    assert!(table.contains('…'));
}

#[test]
fn an_error_is_json_with_the_same_exit_code() {
    let setup = setup_with_users();
    for (arguments, code, reported) in [
        (
            &["user", "show", "nobody", "--json"][..],
            1,
            "there is no user nobody",
        ),
        (&["user", "shwo", "--json"], 2, "unrecognized subcommand"),
        (
            &["--json", "user", "set-role", "ben", "king"],
            2,
            "invalid value",
        ),
    ] {
        let outcome = setup.run(arguments).expect(code);
        assert_eq!(outcome.out, "");
        let error: Value = serde_json::from_str(&outcome.err).unwrap();
        assert!(
            error["error"].as_str().unwrap().contains(reported),
            "{error}"
        );
    }
    let help = setup.run(&["user", "--help", "--json"]).expect(0);
    assert!(help.out.contains("Usage:") && help.err.is_empty());
}

#[test]
fn a_generated_config_file_lists_every_setting_and_changes_none() {
    // The environment is empty, so that all values come from the file.
    let setup = Setup::on_a_file();
    let shown = |arguments: &[&str]| {
        let mut command = setup.command(arguments);
        let output = command.env_clear().output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
        shown
    };
    let defaults = shown(&["config", "show", "--json"]);
    setup.run(&["init"]).expect(0);
    let file = setup.path("doorward.toml");
    assert_eq!(mode(&file), 0o600);
    assert_eq!(shown(&["config", "show", "--json"]), defaults);

    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.lines().all(|line| width(line) <= 80));
    let uncommented: Vec<_> = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => setting,
            _ => line,
        })
        .collect();
    let lines = uncommented
        .iter()
        .filter(|line| line.contains(" = ") && !line.starts_with('#'));
    assert_eq!(lines.count(), defaults.as_object().unwrap().len());
    std::fs::write(setup.path("all.toml"), uncommented.join("\n")).unwrap();
    let mut all = shown(&["config", "show", "--json", "--config", "all.toml"]);
    let origins: Vec<_> = all
        .as_object_mut()
        .unwrap()
        .values_mut()
        .map(|value| value["origin"].take().as_str().unwrap().to_owned())
        .collect();
    let from_file = |origin: &&String| origin.starts_with("all.toml line ");
    assert!(origins.iter().filter(from_file).count() > 15, "{origins:?}");
    for (key, value) in all.as_object().unwrap() {
        assert_eq!(value["value"], defaults[key]["value"], "{key}");
    }

    let refused = setup.run(&["init"]).expect(1);
    assert!(refused.err.contains("--force"), "{}", refused.err);
    std::fs::write(&file, "what a user wrote").unwrap();
    setup.run(&["init"]).expect(1);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "what a user wrote");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    setup.run(&["init", "--force"]).expect(0);
    assert_eq!(mode(&file), 0o600);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    assert_eq!(setup.run(&["init", "-"]).expect(0).out, text);
    setup.run(&["--config", "mine.toml", "init"]).expect(0);
    assert!(setup.path("mine.toml").is_file(), "the one that is named");
}

#[test]
fn the_settings_that_differ_from_their_default_are_shown_alone() {
    let setup = Setup::on_a_file();
    let names = |setup: &Setup| {
        let shown = setup.run(&["config", "show", "--changed", "--json"]);
        let shown = shown.expect(0).json();
        shown
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    let before = names(&setup);
    // A value that is its default is no difference.
    let changed = setup
        .clone()
        .with("DOORWARD_PASSWORD__MIN_LENGTH", "11")
        .with("DOORWARD_THROTTLE__ENABLED", "true");
    let after = names(&changed);
    assert_eq!(after.len(), before.len() + 1, "{after:?}");
    assert!(after.contains(&"password.min_length".to_owned()));
    let text = changed.run(&["config", "show", "--changed"]).expect(0).out;
    assert!(
        text.contains("\n    from environment DOORWARD_PASSWORD__MIN_LENGTH"),
        "{text}"
    );
    assert!(!text.contains("(default)"), "{text}");
}
