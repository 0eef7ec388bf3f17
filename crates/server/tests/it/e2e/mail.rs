//! Mail that cannot be sent at once: no request waits for it, and it is not lost.

use std::time::{Duration, Instant};

use doorward_testkit::port::Port;
use serde_json::json;

use super::{MailSink, Setup, eventually};
use crate::support::PASSWORD;

#[test]
fn a_mail_server_that_is_down_delays_the_mail_and_not_the_sign_up() {
    let port = Port::free();
    let server = Setup::new()
        .with("SMTP_URL", &format!("smtp://127.0.0.1:{}", port.number))
        .start();
    let body = json!({"email": "ben@example.com", "password": PASSWORD});
    server.post("/user", body).expect(201);
    eventually("the mail is deferred", || {
        server.log().contains("mail deferred").then_some(())
    });
    let sink = MailSink::start_at(port.number);
    let mail = sink.next_mail();
    assert_eq!(mail.to(), "ben@example.com");
    let link = mail.link("/confirmation/");
    server.send("POST", &link, None, None).expect(200);
}

#[test]
fn a_mail_survives_a_restart_and_a_kill() {
    let port = Port::free();
    let setup = Setup::new().with("SMTP_URL", &format!("smtp://127.0.0.1:{}", port.number));
    let server = setup.start();
    server
        .post(
            "/user",
            json!({"email": "ben@example.com", "password": PASSWORD}),
        )
        .expect(201);
    eventually("the mail is deferred", || {
        server.log().contains("mail deferred").then_some(())
    });
    server.signal("KILL");
    server.wait();
    let sink = MailSink::start_at(port.number);
    let _server = setup.start();
    assert_eq!(sink.next_mail().to(), "ben@example.com");
}

/// The leases of a process that stopped or died do not delay its mail.
#[test]
fn a_mail_interrupted_by_a_shutdown_is_sent_right_after_the_next_start() {
    for signal in ["TERM", "KILL"] {
        let sink = MailSink::in_mode("stall-first", 0);
        let setup = Setup::on_a_file().with("SMTP_URL", &sink.url());
        let server = setup.start();
        let body = json!({"email": "ben@example.com", "password": PASSWORD});
        server.post("/user", body).expect(201);
        sink.holds_one();
        server.signal(signal);
        server.wait();
        let _server = setup.start();
        let started = Instant::now();
        assert_eq!(sink.next_mail().to(), "ben@example.com");
        let waited = started.elapsed();
        assert!(waited < Duration::from_secs(40), "{signal}: {waited:?}");
    }
}

/// A second server on the same file must not take over mails that the first one is sending.
#[test]
fn a_second_server_on_the_same_file_does_not_take_the_leases_of_the_first() {
    let sink = MailSink::in_mode("stall-first", 0);
    let setup = Setup::on_a_file().with("SMTP_URL", &sink.url());
    let first = setup.start();
    let body = json!({"email": "ben@example.com", "password": PASSWORD});
    first.post("/user", body).expect(201);
    sink.holds_one();
    let second = setup.start();
    eventually("it warns of the first server", || {
        let log = second.log();
        log.contains("another server uses this database")
            .then_some(())
    });
    assert!(!first.log().contains("another server uses"));
    // Had the second server ended the lease, it would have sent that mail at its start.
    let body = json!({"email": "eva@example.com", "password": PASSWORD});
    second.post("/user", body).expect(201);
    assert_eq!(sink.next_mail().to(), "eva@example.com");
}

#[test]
fn a_link_can_be_copied_from_the_log() {
    let server = Setup::new().with("SMTP_URL", "log:").start();
    let body = json!({"email": "ben@example.com", "password": PASSWORD});
    server.post("/user", body).expect(201);
    let link = eventually("the mail is logged", || {
        let log = server.log();
        let (_, link) = log.split_once(r#""mail.link":""#)?;
        Some(link.split('"').next().unwrap().to_owned())
    });
    let path = &link[link.find("/confirmation/").unwrap()..];
    server.send("POST", path, None, None).expect(200);
}
