//! Store faults: no server, an outdated schema, a wrong roster. `crates/store-sql` tests the others.

use doorward_testkit::port::Port;
use doorward_testkit::servers;

use super::{Setup, examine};
use crate::e2e::edit;

/// Runs testkit's asynchronous setup.
fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(work)
}

#[test]
fn a_store_that_is_down_is_a_failure() {
    let reserved = Port::free();
    let port = reserved.number;
    for scheme in ["postgres", "mysql"] {
        let url = format!("{scheme}://doorward:hunter2@127.0.0.1:{port}/doorward");
        let report = examine(&Setup::on_a_file().with("DATABASE_URL", &url), &[]);
        report
            .expect_code(1)
            .expect("database", "failed", "127.0.0.1", "running")
            // The other checks still ran.
            .expect("mail: templates", "passed", "", "");
        assert!(!report.text.contains("hunter2"), "C-02: {}", report.text);
    }
}

#[test]
fn missing_migrations_are_a_failure_if_migrating_is_disabled() {
    let url = wait(servers::postgres());
    let setup = Setup::on_a_file().with("DATABASE_URL", &url);
    examine(&setup, &[]).expect_code(0).expect(
        "database: schema",
        "warning",
        "migrations",
        "next start",
    );
    let by_hand = setup.clone().with("DOORWARD_DATABASE__MIGRATE", "false");
    examine(&by_hand, &[]).expect_code(1).expect(
        "database: schema",
        "failed",
        "migrations",
        "doorward migrate",
    );
    setup.run(&["migrate"]).expect(0);
    examine(&by_hand, &[])
        .expect_code(0)
        .expect("database: schema", "passed", "", "")
        // The tests' server does not sync to disk.
        .expect("database: durability", "warning", "fsync", "")
        // A shared database, and no master key that nodes could share.
        .expect(
            "master key",
            "warning",
            "each node creates its own",
            "JWT_SECRET_KEY",
        );
}

/// The record that keeps the last admin, compared with the users.
#[test]
fn a_wrong_record_of_the_admins_is_a_failure() {
    let setup = Setup::on_a_file().with("ADMIN_PASSWORD", "three lamps afloat on water");
    setup.start().stop();
    examine(&setup, &[]).expect("admins", "passed", "1 active", "");
    edit(&setup, "UPDATE users SET role = 'user'");
    examine(&setup, &[])
        .expect_code(1)
        .expect("admins", "failed", "differs", "set-role");
}
