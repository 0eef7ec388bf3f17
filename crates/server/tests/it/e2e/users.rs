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
        assert_eq!(
            setup
                .run(&["user", "show", named, "--json"])
                .expect(0)
                .json()["id"],
            id
        );
    }
    let list = setup
        .run(&["user", "list", "--query", "ben", "--json"])
        .expect(0)
        .json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let text = setup.run(&["user", "list"]).expect(0).out;
    assert_eq!(text.lines().count(), 2, "{text}");

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
    assert_eq!(
        setup
            .run(&["user", "disable", "ben", "--json"])
            .expect(0)
            .json()["status"],
        "disabled"
    );
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
