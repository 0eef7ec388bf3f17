//! `doorward user` next to a running server.

use serde_json::json;

use super::Setup;
use crate::support::{OTHER_PASSWORD, PASSWORD};

#[test]
fn an_operator_manages_users_on_the_command_line() {
    let setup = Setup::new().with("ADMIN_PASSWORD", PASSWORD);
    let server = setup.start();
    let made = setup
        .run(&[
            "user",
            "create",
            "--username",
            "ben",
            "--email",
            "ben@example.com",
            "--name",
            "Ben",
            "--json",
        ])
        .expect(0)
        .json();
    let password = made["password"].as_str().unwrap();
    assert_eq!(
        (&made["status"], &made["role"], &made["email"]),
        (&json!("active"), &json!("user"), &json!("ben@example.com"))
    );
    let token = server.sign_in("ben", password);

    let id = made["id"].as_str().unwrap();
    for named in ["ben", "BEN", "ben@example.com", id] {
        let shown = setup.run(&["user", "show", named, "--json"]).expect(0);
        let shown = shown.json();
        assert_eq!(shown["id"], id);
        assert!(shown["last_sign_in_at"].is_string(), "{shown}");
    }
    let list = setup
        .run(&["user", "list", "--query", "ben", "--json"])
        .expect(0)
        .json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert!(list["items"][0]["last_sign_in_at"].is_string(), "{list}");
    let text = setup.run(&["user", "list"]).expect(0).out;
    assert_eq!(text.lines().count(), 3, "{text}");

    let set = setup
        .run_with_input(
            &["user", "set-password", "ben", "--password-stdin"],
            &format!("{OTHER_PASSWORD}\n"),
        )
        .expect(0);
    assert!(!set.out.contains(OTHER_PASSWORD));
    super::eventually("the session has ended", || {
        (server.send("GET", "/auth", Some(&token), None).status == 401).then_some(())
    });
    let token = server.sign_in("ben", OTHER_PASSWORD);
    let made_up = setup
        .run(&["user", "set-password", "ben", "--json"])
        .expect(0)
        .json();
    let token = {
        super::eventually("the session has ended", || {
            (server.send("GET", "/auth", Some(&token), None).status == 401).then_some(())
        });
        server.sign_in("ben", made_up["password"].as_str().unwrap())
    };

    assert_eq!(
        setup
            .run(&["user", "set-role", "ben", "admin", "--json"])
            .expect(0)
            .json()["role"],
        "admin"
    );
    super::eventually("the role is given", || {
        (server.send("GET", "/user", Some(&token), None).status == 200).then_some(())
    });
    setup.run(&["user", "set-role", "ben", "user"]).expect(0);
    let disable = |reason| ["user", "disable", "ben", "--reason", reason, "--json"];
    setup.run(&disable("boredom")).expect(2);
    let disabled = setup.run(&disable("left")).expect(0).json();
    assert_eq!(disabled["status"], "disabled");
    let changes = ["audit", "export", "-", "--event", "status-changed"];
    let changes = setup.run(&changes).expect(0).out;
    assert!(changes.contains("\"disabled: left\""), "{changes}");
    server
        .post(
            "/auth",
            json!({"username": "ben", "password": made_up["password"]}),
        )
        .expect(403);
    setup.run(&["user", "enable", "ben"]).expect(0);
    server.sign_in("ben", made_up["password"].as_str().unwrap());
    assert_eq!(
        setup
            .run(&["user", "delete", "ben", "--yes", "--json"])
            .expect(0)
            .json()["deleted"],
        id
    );
    setup.run(&["user", "show", "ben"]).expect(1);
    server
        .post(
            "/auth",
            json!({"username": "ben", "password": made_up["password"]}),
        )
        .expect(401);
}

#[test]
fn failures_are_reported_with_a_message() {
    let setup = Setup::new().with("ADMIN_PASSWORD", PASSWORD);
    drop(setup.start());
    for (arguments, input, reported) in [
        (&["user", "create", "--username", "admin"][..], "", "taken"),
        (&["user", "create", "--username", "a b"], "", "--username"),
        (&["user", "create", "--email", "nope"], "", "--email"),
        (
            &["user", "create", "--username", "ben", "--password-stdin"],
            "iloveyou\n",
            "password",
        ),
        (
            &["user", "create", "--username", "ben", "--password-stdin"],
            "",
            "standard input",
        ),
        (
            &[
                "user",
                "create",
                "--username",
                "wolfhardt",
                "--password-stdin",
            ],
            "wolfhardt",
            "password",
        ),
        (
            &["user", "set-password", "admin", "--password-stdin"],
            "1234567",
            "8",
        ),
        (&["user", "set-password", "nobody"], "", "no user nobody"),
        (&["user", "show", "nobody"], "", "no user nobody"),
        (&["user", "factors", "nobody"], "", "no user nobody"),
        (&["user", "remove-factor", "nobody"], "", "no user nobody"),
        (
            &["user", "remove-factor", "admin", "--yes"],
            "",
            "admin has no second factor",
        ),
        (&["user", "remove-factor", "admin", "--id", "1"], "", "--id"),
        (
            &["user", "delete", "admin", "--yes"],
            "",
            "last active admin",
        ),
        (&["user", "disable", "admin"], "", "last active admin"),
        (
            &["user", "set-role", "admin", "user"],
            "",
            "last active admin",
        ),
    ] {
        let outcome = setup.run_with_input(arguments, input).expect(1);
        assert!(
            outcome.err.contains(reported),
            "{arguments:?}: {}",
            outcome.err
        );
        assert!(outcome.out.is_empty(), "{}", outcome.out);
    }
    let text = setup.run(&["user", "show", "admin"]).expect(0).out;
    assert!(
        text.contains("username    admin") && text.contains("role        admin"),
        "{text}"
    );
    assert!(text.ends_with("\nsigned in   never\n"), "{text}");
}

#[test]
fn an_operator_lists_and_removes_the_second_factors_of_a_user() {
    let totp = |day: u8, name: &str| {
        json!({
            "name": name, "secret": "GEZDGNBVGY3TQOJQ", "algorithm": "SHA1", "digits": 6,
            "period": 30, "created_at": format!("2026-01-0{day}T00:00:00Z"),
        })
    };
    let ben = json!({
        "id": "0193d2a0-0000-7000-8000-000000000001", "username": "ben", "role": "user",
        "status": "active", "locale": "en", "security_epoch": 1, "version": 1,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        "factors": {
            "totp": [totp(1, "Phone"), totp(2, "Tablet of the whole family"), totp(3, "Watch")],
            "recovery_codes": ["AAAAAAAAAAAAAAAAAAAAAA"],
        },
    });
    let file = format!("{{\"format\":\"doorward-users\",\"version\":5}}\n{ben}\n");
    let setup = Setup::new().file("users.jsonl", &file);
    setup.run(&["import", "users.jsonl"]).expect(0);

    let text = setup.run(&["user", "factors", "ben"]).expect(0).out;
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].ends_with("  active   never used  Phone"), "{text}");
    assert!(lines[1].ends_with("  Tablet of the whole …") && lines[1].chars().count() == 80);
    assert_eq!(lines[3..], ["recovery codes  1"]);
    let list = || {
        let list = setup.run(&["user", "factors", "ben", "--json"]).expect(0);
        list.json()["items"].as_array().unwrap().clone()
    };
    let items = list();
    assert_eq!(items[0]["name"], "Phone");
    assert_eq!(items[3], json!({"kind": "recovery-code", "remaining": 1}));

    let id = items[0]["id"].as_str().unwrap();
    let remove_one = ["user", "remove-factor", "ben", "--id", id, "--yes"];
    let said = setup.run(&remove_one).expect(0).out;
    assert!(said.starts_with("Removed 1 second factor of ben"), "{said}");
    let again = setup.run(&remove_one).expect(1);
    assert!(
        again
            .err
            .contains(&format!("ben has no second factor {id}"))
    );
    assert_eq!(list().len(), 3);
    let rest = setup.run(&["user", "remove-factor", "ben", "--yes", "--json"]);
    assert_eq!(rest.expect(0).json()["removed"], 2);
    let text = setup.run(&["user", "factors", "ben"]).expect(0).out;
    assert_eq!(text.trim(), "No second factors.");
}

#[test]
fn users_are_listed_below_a_header_by_role_and_status() {
    let setup = Setup::on_a_file();
    for arguments in [
        &["--username", "ada", "--role", "admin"][..],
        &["--username", "ben", "--name", "Ben Doe"],
        &["--username", "eve"],
    ] {
        let create = &["user", "create"][..];
        setup.run(&[create, arguments].concat()).expect(0);
    }
    setup.run(&["user", "disable", "eve"]).expect(0);
    let listed = |filter: &[&str]| {
        let text = setup
            .run(&[&["user", "list"][..], filter].concat())
            .expect(0)
            .out;
        let (header, rows) = text.split_once('\n').unwrap();
        let titles: Vec<_> = header.split_whitespace().collect();
        assert_eq!(titles, ["ID", "ROLE", "STATUS", "USER"]);
        let column = header.find("USER").unwrap();
        rows.lines()
            .map(|row| row[column..].to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&[]), ["ada", "ben", "eve"]);
    assert_eq!(listed(&["--role", "admin"]), ["ada"]);
    assert_eq!(listed(&["--status", "disabled"]), ["eve"]);
    let users = listed(&["--role", "user", "--status", "active"]);
    assert_eq!(users, ["ben"]);
    let ben = setup.run(&["user", "show", "ben"]).expect(0).out;
    assert!(ben.contains("\nname        Ben Doe\n"), "{ben}");
    let time = ben.split_once("\ncreated     ").unwrap().1;
    assert!(time.lines().next().unwrap().ends_with(" UTC"), "{ben}");
}

/// A password that is printed once is not lost silently.
#[test]
fn output_that_cannot_be_written_is_an_error() {
    let setup = Setup::new();
    let full = std::fs::File::create("/dev/full").unwrap();
    let mut command = setup.command(&["user", "create", "--username", "ben"]);
    let outcome = command.stdout(full).output().unwrap();
    let reported = String::from_utf8(outcome.stderr).unwrap();
    assert_eq!(outcome.status.code(), Some(1), "{reported}");
    assert!(reported.contains("standard output"), "{reported}");
    assert!(
        reported.contains("doorward user set-password"),
        "{reported}"
    );
    setup.run(&["user", "show", "ben"]).expect(0);
}

/// The link is printed once; a mail is sent by the server.
#[test]
fn an_operator_invites_users() {
    let setup = Setup::new().with("ADMIN_PASSWORD", PASSWORD);
    let server = setup.start();
    let invite = |arguments: &[&str]| setup.run(&[&["user", "invite"], arguments].concat());
    let invited = invite(&["--username", "ben", "--name", "Ben", "--json"]);
    let invited = invited.expect(0).json();
    assert_eq!(invited["status"], "pending");
    let (_, path) = invited["url"]
        .as_str()
        .unwrap()
        .split_once("/invitation/")
        .unwrap();
    let accepted = server.post(
        &format!("/invitation/{path}"),
        json!({"password": PASSWORD}),
    );
    assert_eq!(accepted.expect(200).json()["name"], "Ben");
    server.sign_in("ben", PASSWORD);
    let mailed = invite(&[
        "--email",
        "eve@example.com",
        "--role",
        "admin",
        "--locale",
        "de",
    ]);
    let text = mailed.expect(0).out;
    assert!(
        text.contains("admin") && text.contains("is mailed"),
        "{text}"
    );
    for (arguments, reported) in [
        (&["--username", "ben"][..], "taken"),
        (&["--email", "fay@example.com", "--link"], "username"),
        (
            &["--email", "fay@example.com", "--locale", "nope!"],
            "--locale",
        ),
    ] {
        let failed = invite(arguments).expect(1);
        assert!(failed.err.contains(reported), "{}", failed.err);
    }
    invite(&["--name", "Eve"]).expect(2);
}
