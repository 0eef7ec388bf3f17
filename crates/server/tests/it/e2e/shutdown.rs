//! SIGTERM: running requests are completed, and no new ones begin.

use std::io::Write;

use super::{Setup, eventually, http};
use crate::support::PASSWORD;

#[test]
fn running_requests_are_finished_and_the_exit_code_is_0() {
    let server = Setup::new().start();
    let (mut stream, rest) = server.start_sign_up("ben");
    server.signal("TERM");
    eventually("it logs that it stops", || {
        server.log().contains("stopping").then_some(())
    });
    eventually("nothing new is taken", || {
        server
            .try_send("GET", "/healthz", None, None)
            .is_err()
            .then_some(())
    });
    stream.write_all(&rest).unwrap();
    assert_eq!(http::read(stream).unwrap().status, 201);
    let (status, log) = server.wait();
    assert!(status.success(), "{status}");
    assert!(log.contains("stopped"), "{log}");
}

#[test]
fn the_totals_are_written_at_a_stop_and_continue_after_it() {
    let setup = Setup::new().with("ADMIN_PASSWORD", PASSWORD);
    for _ in 0..2 {
        let server = setup.start();
        server.sign_in("admin", PASSWORD);
        server.stop();
    }
    let server = setup.start();
    let token = server.sign_in("admin", PASSWORD);
    let reply = server.send("GET", "/totals?by=day", Some(&token), None);
    let totals = reply.expect(200).json();
    // Midnight may have been in between.
    let sum = |field: &str| -> i64 {
        let days = totals["items"].as_array().unwrap().iter();
        days.map(|day| day[field].as_i64().unwrap()).sum()
    };
    // The admin was created at the first start.
    assert_eq!((sum("sign_ups"), sum("sign_ins")), (1, 2));
}

#[test]
fn a_node_is_listed_while_it_runs() {
    let setup = Setup::new().with("ADMIN_PASSWORD", PASSWORD);
    let mut starts = Vec::new();
    for _ in 0..2 {
        let server = setup.start();
        let token = server.sign_in("admin", PASSWORD);
        let node = eventually("it reports", || {
            let reply = server.send("GET", "/node", Some(&token), None);
            let nodes = reply.expect(200).json()["items"].clone();
            let nodes = nodes.as_array().unwrap();
            assert!(nodes.len() < 2, "{nodes:?}");
            nodes.first().cloned()
        });
        assert_eq!(node["version"], env!("CARGO_PKG_VERSION"));
        starts.push(node["started_at"].clone());
        server.stop();
    }
    assert_ne!(starts[0], starts[1]);
}

#[test]
fn an_interrupt_stops_the_server_and_idle_connections_do_not_delay_it() {
    let server = Setup::new().start();
    let _idle = http::open(server.address()).unwrap();
    server.get("/healthz").expect(200);
    let asked = std::time::Instant::now();
    server.signal("INT");
    let (status, _) = server.wait();
    assert!(status.success(), "{status}");
    // A connection in use would get thirty seconds.
    assert!(
        asked.elapsed() < std::time::Duration::from_secs(25),
        "{:?}",
        asked.elapsed()
    );
}

/// As the first process of a container it would ignore a signal without a handler; elsewhere that signal would
/// kill it.
#[test]
fn a_server_that_waits_for_its_database_can_be_stopped() {
    let database = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://ada@{}/users", database.local_addr().unwrap());
    let setup = Setup::on_a_file()
        .with("DATABASE_URL", &url)
        .with("DOORWARD_DATABASE__CONNECT_TIMEOUT_SECONDS", "60");
    let server = setup.begin(setup.command(&["serve"]));
    // Accepted, and never answered.
    let _silent = database.accept().unwrap();
    let asked = std::time::Instant::now();
    // SIGHUP does not end it.
    server.signal("HUP");
    server.signal("TERM");
    let (status, log) = server.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("stopped during start-up"), "{log}");
    assert!(asked.elapsed() < std::time::Duration::from_secs(20));
}
