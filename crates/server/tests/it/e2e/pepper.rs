//! Peppers: the database alone verifies no password (P-08).

use serde_json::json;

use super::server::Setup;
use crate::support::{OTHER_PASSWORD, PASSWORD};

const ONE: &str = "Zq8mW3tLx0RvYb6NcK1sPdHf9GjTuA4e";
const TWO: &str = "hR5uXo2JkE7wVnBq0MzCy8LtSaFi3DgP";

fn peppered(setup: Setup, pepper: &str, old: &str) -> Setup {
    let setup = match old {
        "" => setup,
        old => setup.with("DOORWARD_PASSWORD__PREVIOUS_PEPPERS", old),
    };
    setup.with("DOORWARD_PASSWORD__PEPPER", pepper)
}

/// The stored hash of a user, from an export.
fn hash_of(setup: &Setup, name: &str) -> String {
    let text = setup.run(&["export", "-"]).expect(0).out;
    let line = text
        .lines()
        .find(|line| line.contains(&format!("\"{name}\"")));
    let at = line.unwrap().find("$argon2id$").unwrap();
    line.unwrap()[at..].split('"').next().unwrap().to_owned()
}

/// P-08: added, rotated, and without the old one; no user has to choose another password.
#[test]
fn a_pepper_is_added_and_rotated_while_users_sign_in() {
    let bare = Setup::new().with("ADMIN_PASSWORD", PASSWORD);
    let server = bare.start();
    server.sign_in("admin", PASSWORD);
    server.stop();
    assert!(!hash_of(&bare, "admin").contains("keyid="));

    let first = peppered(bare.clone(), ONE, "");
    let server = first.start();
    assert_eq!(
        server
            .post(
                "/auth",
                json!({"username": "admin", "password": OTHER_PASSWORD})
            )
            .status,
        401
    );
    assert!(
        !hash_of(&first, "admin").contains("keyid="),
        "a wrong password changes nothing"
    );
    server.sign_in("admin", PASSWORD);
    server.stop();
    let under_one = hash_of(&first, "admin");
    assert!(under_one.contains(",keyid="), "{under_one}");

    let second = peppered(bare.clone(), TWO, ONE);
    let server = second.start();
    server.sign_in("admin", PASSWORD);
    server.stop();
    let under_two = hash_of(&second, "admin");
    assert!(under_two.contains(",keyid="));
    let key_id = |hash: &str| hash.split("keyid=").nth(1).unwrap()[..8].to_owned();
    assert_ne!(key_id(&under_one), key_id(&under_two));

    let server = peppered(bare.clone(), TWO, "").start();
    server.sign_in("admin", PASSWORD);
}

/// P-08: the start fails if a pepper is missing, instead of every sign-in.
#[test]
fn a_missing_pepper_fails_the_start_with_a_message() {
    let bare = Setup::new().with("ADMIN_PASSWORD", PASSWORD);
    peppered(bare.clone(), ONE, "").start().stop();
    for setup in [bare.clone(), peppered(bare.clone(), TWO, "")] {
        for command in [&["serve"][..], &["config", "check"]] {
            let output = setup.run(command).expect(1);
            assert!(
                output.err.contains("`password.previous_peppers`"),
                "{}",
                output.err
            );
            assert!(!output.err.contains(ONE) && !output.err.contains(TWO));
        }
    }
    peppered(bare.clone(), TWO, ONE)
        .run(&["config", "check"])
        .expect(0);
    peppered(bare, TWO, ONE).start().sign_in("admin", PASSWORD);
}

/// P-08: an unreadable row of a later release stops no node. A missing pepper is still reported because of the
/// other rows.
#[test]
fn an_unreadable_user_does_not_prevent_the_start() {
    let bare = Setup::on_a_file().with("ADMIN_PASSWORD", PASSWORD);
    let server = peppered(bare.clone(), ONE, "").start();
    let body = json!({"username": "ines", "password": PASSWORD});
    server.post("/user", body).expect(201);
    server.stop();
    let script = "import sqlite3, sys\nbase = sqlite3.connect(sys.argv[1])\n\
        changed = base.execute(\"UPDATE users SET locale = 'tlh' WHERE username = 'ines'\")\n\
        base.commit()\nsys.exit(0 if changed.rowcount == 1 else 1)";
    let changed = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(bare.data_dir().join("doorward.db"))
        .status();
    assert!(changed.unwrap().success());
    let server = peppered(bare.clone(), ONE, "").start();
    server.sign_in("admin", PASSWORD);
    let log = server.stop();
    assert!(log.contains("cannot read some users"), "{log}");
    let output = bare.run(&["serve"]).expect(1);
    assert!(
        output.err.contains("`password.previous_peppers`"),
        "{}",
        output.err
    );
}

/// P-08: a check can run without the database. It reports that, and succeeds.
#[test]
fn config_check_reports_that_peppers_were_not_checked() {
    let setup = Setup::new().with("DATABASE_URL", "postgres://ben@127.0.0.1:9/d");
    let message = setup.run(&["config", "check", "--json"]).expect(0).json();
    assert_eq!(message["ok"], true);
    assert!(
        message["not_checked"][0]
            .as_str()
            .unwrap()
            .contains("peppers"),
        "{message}"
    );
    let text = setup.run(&["config", "check"]).expect(0).out;
    assert!(
        text.contains("is valid") && text.contains("Not checked"),
        "{text}"
    );
}

/// C-01, C-02, P-08: short peppers are rejected, and none is printed.
#[test]
fn a_pepper_has_a_minimum_length_and_is_never_printed() {
    for bad in [
        "short",
        "                                        ",
        &"a".repeat(40),
        "Zq8mW3tLx0RvYb6N,cK1sPdHf9GjTuA4e",
    ] {
        let output = Setup::new()
            .with("DOORWARD_PASSWORD__PEPPER", bad)
            .run(&["config", "check"])
            .expect(1);
        assert!(output.err.contains("at least 32"), "{}", output.err);
    }
    let setup = peppered(Setup::new(), ONE, TWO);
    for command in [
        &["config", "show"][..],
        &["config", "show", "--json"],
        &["config", "check"],
    ] {
        let output = setup.run(command).expect(0);
        for secret in [ONE, TWO] {
            assert!(!output.out.contains(secret) && !output.err.contains(secret));
        }
    }
}
