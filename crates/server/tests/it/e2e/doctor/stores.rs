//! Faults of the stores: nobody there, a wrong password, a schema that lags behind, a Redis that
//! forgets.

use std::net::{Ipv4Addr, TcpListener};

use doorward_testkit::servers;

use super::{Setup, examine};

/// Waits for what testkit does in the background.
fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(work)
}

#[test]
fn nobody_there_is_a_fault() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    for scheme in ["postgres", "mysql"] {
        let url = format!("{scheme}://doorward:hunter2@127.0.0.1:{port}/doorward");
        let report = examine(&Setup::new().with("DATABASE_URL", &url), &[]);
        report
            .expect_code(1)
            .expect("database", "fault", "127.0.0.1", "running")
            // The rest was tried all the same.
            .expect("mail: templates", "fine", "", "");
        assert!(!report.text.contains("hunter2"), "C-02: {}", report.text);
    }
}

#[test]
fn a_wrong_password_is_a_fault_and_is_not_shown() {
    let url = wait(servers::mariadb());
    let url = url.replace("root@", "root:hunter2@");
    let report = examine(&Setup::new().with("DATABASE_URL", &url), &[]);
    report.expect_code(1).expect("database", "fault", "", "");
    assert!(!report.text.contains("hunter2"), "C-02: {}", report.text);
}

#[test]
fn missing_migrations_are_a_fault_where_nobody_makes_them() {
    let url = wait(servers::postgres());
    let setup = Setup::new().with("DATABASE_URL", &url);
    examine(&setup, &[]).expect_code(0).expect(
        "database: schema",
        "warning",
        "migrations",
        "next start",
    );
    let by_hand = setup.clone().with("DOORWARD_DATABASE__MIGRATE", "false");
    examine(&by_hand, &[]).expect_code(1).expect(
        "database: schema",
        "fault",
        "migrations",
        "doorward migrate",
    );
    setup.run(&["migrate"]).expect(0);
    examine(&by_hand, &[])
        .expect_code(0)
        .expect("database: schema", "fine", "", "")
        // The tests' own server keeps nothing safe on disk.
        .expect("database: durability", "warning", "fsync", "")
        // A database that others share, and no key that they could share.
        .expect(
            "master key",
            "warning",
            "each node makes its own",
            "JWT_SECRET_KEY",
        );
}
