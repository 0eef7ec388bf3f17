//! Safeguards of commands: reading creates nothing, hashes are not printed by mistake, and deletion asks for
//! confirmation.

use super::Setup;
use super::terminal::on_a_terminal;
use crate::support::PASSWORD;

#[test]
fn reading_commands_create_no_database() {
    let setup = Setup::on_a_file().file("users.jsonl", "");
    for arguments in [
        &["user", "list"][..],
        &["user", "show", "ben"],
        &["user", "export", "ben"],
        &["user", "disable", "ben"],
        &["user", "delete", "ben", "--yes"],
        &["export", "all.jsonl"],
        &["keys", "list"],
        &["keys", "rotate"],
        &["audit", "verify"],
        &["audit", "export", "audit.jsonl"],
        &["migrate", "status"],
        &["backup", "copy.db"],
    ] {
        let outcome = setup.run(arguments).expect(1);
        let expected = format!(
            "No Doorward database at {}",
            setup.data_dir().join("doorward.db").display()
        );
        assert!(
            outcome.err.contains(&expected) && outcome.err.contains("DOORWARD_DATA_DIR"),
            "{arguments:?}: {}",
            outcome.err
        );
        assert!(!setup.data_dir().exists(), "{arguments:?}");
    }
    setup
        .run(&["user", "create", "--username", "ben"])
        .expect(0);
    setup.run(&["user", "show", "ben"]).expect(0);
}

#[test]
fn password_hashes_are_not_printed_to_a_terminal() {
    let setup = Setup::on_a_file();
    setup
        .run(&["user", "create", "--username", "ben"])
        .expect(0);
    for arguments in [&["export"][..], &["export", "-"]] {
        let (code, shown) = on_a_terminal(&setup, arguments, "");
        assert_eq!(code, Some(1), "{shown}");
        assert!(!shown.contains("$argon2id$"), "{shown}");
        assert!(shown.contains("--force"), "{shown}");
    }
    let (code, shown) = on_a_terminal(&setup, &["export", "-", "--force"], "");
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("$argon2id$"), "{shown}");
    let piped = setup.run(&["export", "-"]).expect(0);
    assert!(piped.out.contains("$argon2id$"), "{}", piped.out);
}

#[test]
fn deleting_a_user_asks_first() {
    let setup = Setup::on_a_file().with("ADMIN_PASSWORD", PASSWORD);
    setup
        .run(&["user", "create", "--username", "ben"])
        .expect(0);
    for typed in ["n\n", "\n", "nonsense\n", "\u{4}"] {
        let (code, shown) = on_a_terminal(&setup, &["user", "delete", "ben"], typed);
        assert_eq!(code, Some(1), "{typed:?}: {shown}");
        assert!(shown.contains("[y/N]"), "{typed:?}: {shown}");
        setup.run(&["user", "show", "ben"]).expect(0);
    }
    // A script cannot answer, so it has to pass `--yes`.
    let refused = setup.run(&["user", "delete", "ben"]).expect(2);
    assert!(refused.err.contains("--yes"), "{}", refused.err);
    setup.run(&["user", "show", "ben"]).expect(0);
    let (code, shown) = on_a_terminal(&setup, &["user", "delete", "ben"], "y\n");
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("Deleted ben."), "{shown}");
    setup
        .run(&["user", "create", "--username", "eve"])
        .expect(0);
    setup.run(&["user", "delete", "eve", "--yes"]).expect(0);
    setup.run(&["user", "show", "eve"]).expect(1);
}

#[test]
fn a_change_that_cannot_be_undone_needs_a_confirmation() {
    let setup = Setup::on_a_file().with("ADMIN_PASSWORD", PASSWORD);
    drop(setup.start());
    let keys = setup.run(&["keys", "list", "--json"]).expect(0).json();
    let kid = keys["keys"][0]["kid"].as_str().unwrap();
    for arguments in [
        &["user", "delete", "admin"][..],
        &["user", "remove-factor", "admin"],
        &["keys", "revoke", kid],
    ] {
        let refused = setup.run(arguments).expect(2);
        assert!(refused.err.contains("--yes"), "{}", refused.err);
        let (code, shown) = on_a_terminal(&setup, arguments, "n\n");
        assert_eq!(code, Some(1), "{shown}");
        assert!(shown.contains("? [y/N]"), "{shown}");
        assert!(shown.contains("nothing was changed"), "{shown}");
    }
    assert_eq!(setup.run(&["keys", "list", "--json"]).json(), keys);
}

/// C-01: errors of single settings are reported together with conflicts between settings.
#[test]
fn serve_reports_all_configuration_errors() {
    let setup = Setup::on_a_file()
        .with("ADMIN_PASSWORD", "password")
        .with("DOORWARD_MAIL__TEMPLATES", "/nowhere")
        .with("DOORWARD_PASSWORD__BREACHED_FILTER", "/nowhere.bin")
        .with("DOORWARD_LISTEN", "0.0.0.0:0");
    let checked = setup.run(&["config", "check", "--json"]).expect(1).json();
    let faults = checked["errors"].as_array().unwrap();
    assert!(faults.len() >= 5, "{checked}");
    let served = setup.run(&["serve"]).expect(1).err;
    for fault in faults {
        assert!(served.contains(fault.as_str().unwrap()), "{served}");
    }
    assert!(!setup.data_dir().exists());
}

#[test]
fn a_user_is_created_with_a_username_or_an_email() {
    let setup = Setup::on_a_file();
    let refused = setup.run(&["user", "create"]).expect(2).err;
    assert!(
        refused.contains("--username <USERNAME>|--email <EMAIL>"),
        "{refused}"
    );
    let created = setup.run(&["user", "create", "--email", "ben@example.com"]);
    created.expect(0);
    let both = [
        "user",
        "create",
        "--username",
        "eve",
        "--email",
        "eve@example.com",
    ];
    setup.run(&both).expect(0);
}
