//! `doorward migrate`: migrations by command.

use super::Setup;

#[test]
fn migrate_status_creates_no_file() {
    let setup = Setup::on_a_file();
    setup.run(&["migrate", "status"]).expect(1);
    assert!(!setup.data_dir().join("doorward.db").exists());
}

#[test]
fn migrate_status_lists_pending_migrations_and_migrate_applies_them() {
    let setup = Setup::new();
    let made = setup.run(&["migrate", "--json"]).expect(0).json();
    assert!(!made["applied"].as_array().unwrap().is_empty());
    let status = setup.run(&["migrate", "status", "--json"]).expect(0).json();
    let all = status["migrations"].as_array().unwrap();
    assert_eq!(all.len(), made["applied"].as_array().unwrap().len());
    assert!(
        all.iter()
            .all(|migration| migration["applied_at"].is_string())
    );
    let again = setup.run(&["migrate"]).expect(0);
    assert!(again.out.contains("up to date"), "{}", again.out);
    let text = setup.run(&["migrate", "status"]).expect(0);
    assert!(
        text.out.contains("UTC") && !text.out.contains("pending"),
        "{}",
        text.out
    );
}

#[test]
fn a_server_that_must_not_migrate_lists_the_missing_migrations() {
    let setup = Setup::new().with("DOORWARD_DATABASE__MIGRATE", "false");
    let outcome = setup.run(&["serve"]).expect(1);
    assert!(outcome.err.contains("doorward migrate"), "{}", outcome.err);
    setup.run(&["migrate"]).expect(0);
    drop(setup.start());
}
