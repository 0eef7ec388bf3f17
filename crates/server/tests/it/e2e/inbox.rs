//! The inbox, as the tests of another project read it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Setup, eventually, http};
use crate::support::PASSWORD;

/// The requested timeout. An earlier response means that the waiting request was woken.
const WAIT: Duration = Duration::from_secs(10);

fn sign_up(name: &str) -> serde_json::Value {
    json!({"username": name, "email": format!("{name}@example.com"), "password": PASSWORD})
}

#[test]
fn a_waiting_request_is_woken_by_the_right_mail() {
    let server = Setup::on_a_file().start();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            // Again if the sign-ups take longer than the longest wait.
            eventually("the mail arrives", || {
                let started = Instant::now();
                let answer = server.get("/inbox.json?to=ben@example.com&wait=10");
                let mails = answer.expect(200).json();
                let is_there = mails["items"][0].is_object();
                is_there.then(|| (mails, started.elapsed()))
            })
        });
        // A mail to another address does not end the wait.
        server.post("/user", sign_up("eve")).expect(201);
        server
            .get("/inbox.json?to=eve@example.com&wait=10")
            .expect(200);
        server.post("/user", sign_up("ben")).expect(201);
        let (mails, waited) = waiting.join().unwrap();
        assert_eq!(mails["items"].as_array().unwrap().len(), 1, "{mails}");
        assert_eq!(mails["items"][0]["to"], "ben@example.com");
        assert!(waited < WAIT, "it was not woken: {waited:?}");
        let url = mails["items"][0]["url"].as_str().unwrap();
        let (_, path) = url.split_once(&format!(":{}", server.port)).unwrap();
        server.send("POST", path, None, None).expect(200);
        server.sign_in("ben", PASSWORD);
    });
}

#[test]
fn a_shutdown_ends_waiting_requests() {
    let server = Setup::on_a_file().start();
    let started = Instant::now();
    let mut waiting = TcpStream::connect(server.address()).unwrap();
    let request = http::request("GET", "/inbox.json?wait=10", &[], "");
    waiting.write_all(request.as_bytes()).unwrap();
    eventually("the request was read", || {
        let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let here = format!("0100007F:{:04X}", server.port);
        let there = format!("0100007F:{:04X}", waiting.local_addr().unwrap().port());
        sockets
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .any(|socket| {
                socket[1] == here && socket[2] == there && socket[4].ends_with(":00000000")
            })
            .then_some(())
    });
    server.signal("TERM");
    let mut answer = String::new();
    waiting.read_to_string(&mut answer).unwrap();
    assert!(started.elapsed() < WAIT);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n{\"items\":[]}"), "{answer}");
    let (status, _) = server.wait();
    assert!(status.success());
}
