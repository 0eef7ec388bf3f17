//! The end behind a load balancer: it is told first, and everything is still served for a while.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::json;

use super::load::{Habit, Load, Target};
use super::{Setup, Sink, eventually, http};

/// Asks on a connection that stays open, and gives the head of the answer.
fn ask(connection: &mut BufReader<TcpStream>, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    connection.get_mut().write_all(request.as_bytes()).unwrap();
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(connection.read_line(&mut head).unwrap(), 0, "{head}");
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    connection.read_exact(&mut body).unwrap();
    head
}

fn open(address: SocketAddr) -> BufReader<TcpStream> {
    BufReader::new(http::open(address).unwrap())
}

#[test]
fn readyz_turns_first_and_everything_is_served_until_the_drain_is_over() {
    let server = Setup::new()
        .with("DOORWARD_SHUTDOWN__DRAIN_SECONDS", "300")
        .start();
    let mut idle = open(server.address());
    assert!(!ask(&mut idle, "/healthz").contains("connection:"));
    server.get("/readyz").expect(200);
    server.signal("TERM");
    let turned = eventually("/readyz turns", || {
        Some(server.get("/readyz")).filter(|reply| reply.status == 503)
    });
    assert_eq!(turned.json()["code"], "stopping");
    assert_eq!(
        turned.header("content-type"),
        Some("application/problem+json")
    );
    // Old connections and new ones are served, and told to go elsewhere next time.
    assert!(ask(&mut idle, "/healthz").contains("connection: close\r\n"));
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
    assert!(ask(&mut open(server.address()), "/healthz").contains("connection: close\r\n"));
    let ben = json!({"username": "ben", "password": "plum cake on sundays"});
    server.post("/user", ben).expect(201);
    server.sign_in("ben", "plum cake on sundays");
    // A request that runs when the drain is over is finished all the same.
    let (mut stream, rest) = server.begin_sign_up("ann");
    // Whoever asks again is in a hurry.
    server.signal("TERM");
    eventually("nothing new is taken", || {
        server
            .try_send("GET", "/healthz", None, None)
            .is_err()
            .then_some(())
    });
    stream.write_all(&rest).unwrap();
    assert_eq!(http::read(stream).unwrap().status, 201);
    let (status, log) = server.wait();
    assert!(status.success(), "{status}: {log}");
    assert!(!log.contains("aborted requests"), "{log}");
}

/// Neither a request nor a mail server that does not answer is waited for.
#[test]
fn whoever_asks_once_more_cuts_off_what_runs() {
    let sink = Sink::in_mood("stall-first", 0);
    let server = Setup::on_a_file().with("SMTP_URL", &sink.url()).start();
    let ben =
        json!({"username": "ben", "email": "ben@example.com", "password": "plum cake on sundays"});
    server.post("/user", ben).expect(201);
    sink.holds_one();
    let (mut stream, rest) = server.begin_sign_up("ann");
    server.signal("INT");
    eventually("it stops", || {
        server
            .log()
            .contains("waiting for requests in flight")
            .then_some(())
    });
    server.signal("INT");
    eventually("it says so", || {
        server.log().contains("forced shutdown").then_some(())
    });
    // By then the connection is closed: nothing is answered from stores that close.
    let _ = stream.write_all(&rest);
    let answer = http::read(stream);
    assert!(answer.is_err(), "{answer:?}");
    let (status, log) = server.wait();
    assert!(status.success(), "{status}: {log}");
    assert!(log.contains("it will be retried"), "{log}");
}

/// As a load balancer does it: while `/readyz` is well, requests are sent here.
#[test]
fn clients_that_heed_the_answers_lose_no_request_to_a_drain() {
    let server = Setup::new()
        .with("DOORWARD_SHUTDOWN__DRAIN_SECONDS", "300")
        .start();
    let target = Target::new(server.address(), "/healthz");
    let load = Load::start(&target, &[Habit::Anew, Habit::Kept, Habit::Http2]);
    let asked_more = |times: u32| {
        let before = load.answered();
        eventually("requests are answered", || {
            (load.answered() > before + times).then_some(())
        });
    };
    asked_more(50);
    server.signal("TERM");
    eventually("/readyz turns", || {
        (server.get("/readyz").status == 503).then_some(())
    });
    asked_more(100);
    let tally = load.stop();
    eprintln!("a drain: {tally:?}");
    tally.expect_no_failure();
    server.signal("TERM");
    assert!(server.wait().0.success());
}
