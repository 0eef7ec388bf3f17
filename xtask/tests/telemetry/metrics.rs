//! Each metric changes when its event happens, by the right amount.

use std::io::Write;
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::scrape::Scrape;
use crate::server::{MonitoredServer, PASSWORD, bearer, wait_for};

const SIGN_INS: &str = "doorward_sign_ins_total";
const REVOKED: &str = "doorward_sessions_revoked_total";
const REQUESTS: &str = "doorward_http_requests_total";
const MAILS: &str = "doorward_mails_total";
const AUDITED: &str = "doorward_audit_events_total";

#[test]
fn the_journey_of_an_account_is_counted() {
    let server = MonitoredServer::start(&[]);
    let before = server.scrape();
    let body = json!({"username": "ben", "email": "ben@example.com", "password": PASSWORD});
    server.post("/user", body).expect(201);
    let body = json!({"email": "ben@example.com", "password": PASSWORD});
    server.post("/auth", body).expect(403);
    let link = server.link_to("ben@example.com");
    server.post(&link, Value::Null).expect(200);
    server.sign_in("ben", "not at all this one").expect(401);
    server.sign_in("nobody", PASSWORD).expect(401);
    let token = |answer: crate::server::Answer| {
        let token = answer.json()["token"].as_str().unwrap().to_owned();
        bearer(&token)
    };
    let first = token(server.sign_in("ben", PASSWORD).expect(201));
    let second = token(server.sign_in("ben", PASSWORD).expect(201));
    server.sign_in("ben", PASSWORD).expect(201);
    let renewed = server.send("POST", "/auth/renewal", &first, Value::Null);
    let first = token(renewed.expect(200));
    server
        .send("DELETE", "/auth", &second, Value::Null)
        .expect(204);
    // Ends the third session, but not its own.
    let body = json!({"current_password": PASSWORD, "new_password": "two boats and a lamp"});
    server.send("PUT", "/password", &first, body).expect(204);
    server
        .send("GET", "/user/me", &first, Value::Null)
        .expect(200);
    server
        .send("DELETE", "/user/me", &first, Value::Null)
        .expect(204);
    let after = server.scrape();
    let rise =
        |name: &str, labels: &[(&str, &str)]| after.one(name, labels) - before.sum(name, labels);

    for (outcome, count) in [
        ("success", 3.0),
        ("invalid-credentials", 2.0),
        ("email-unconfirmed", 1.0),
        ("factor-required", 0.0),
        ("invalid-code", 0.0),
        ("throttled", 0.0),
        ("error", 0.0),
    ] {
        assert_eq!(rise(SIGN_INS, &[("outcome", outcome)]), count, "{outcome}");
    }
    assert_eq!(rise("doorward_sessions_issued_total", &[]), 3.0);
    assert_eq!(rise("doorward_sessions_renewed_total", &[]), 1.0);
    assert_eq!(rise(REVOKED, &[("reason", "sign-out")]), 1.0);
    // One by the new password, one with the account.
    assert_eq!(rise(REVOKED, &[("reason", "account-changed")]), 2.0);
    assert_eq!(rise(REVOKED, &[("reason", "session-limit")]), 0.0);
    for (route, method, status, count) in [
        ("/user", "POST", "201", 1.0),
        ("/auth", "POST", "201", 3.0),
        ("/auth", "POST", "401", 2.0),
        ("/auth", "POST", "403", 1.0),
        ("/confirmation/{token}", "POST", "200", 1.0),
        ("/user/{user}", "GET", "200", 1.0),
    ] {
        let labels = [("route", route), ("method", method), ("status", status)];
        assert_eq!(rise(REQUESTS, &labels), count, "{route} {status}");
    }
    let labels = [("route", "/auth"), ("method", "POST")];
    let seconds = "doorward_http_request_duration_seconds";
    assert_eq!(rise(&format!("{seconds}_count"), &labels), 6.0);
    assert!(rise(&format!("{seconds}_sum"), &labels) > 0.0);
    assert_eq!(after.one("doorward_http_requests_in_flight", &[]), 0.0);
    let sent = [("kind", "sign-up"), ("outcome", "sent")];
    assert_eq!(rise(MAILS, &sent), 1.0);
    // The notice of the changed password may not be sent yet.
    assert!(rise("doorward_mail_send_duration_seconds_count", &[]) >= 1.0);
    for event in ["sign-up", "email-confirmed", "sign-out", "user-deleted"] {
        let labels = [("event", event), ("outcome", "success")];
        assert_eq!(rise(AUDITED, &labels), 1.0, "{event}");
    }
    let failed = [("event", "sign-in"), ("outcome", "failure")];
    assert_eq!(rise(AUDITED, &failed), 3.0);
    // One for the sign-up and for each sign-in by username, two for the sign-in by address and the password change.
    let hashed = "doorward_password_hash_duration_seconds_count";
    assert_eq!(rise(hashed, &[]), 10.0);
    assert_eq!(rise("doorward_password_hash_wait_seconds_count", &[]), 10.0);
    assert_eq!(after.one("doorward_password_hash_queue", &[]), 0.0);
    assert!(after.one("doorward_password_hash_queue_limit", &[]) > 512.0);
    let operation = "doorward_store_operation_duration_seconds_count";
    for (store, name, least) in [
        ("database", "apply", 6.0),
        ("database", "read credentials", 5.0),
        ("database", "read sessions", 1.0),
    ] {
        let labels = [("store", store), ("operation", name)];
        assert!(rise(operation, &labels) >= least, "{store} {name}");
    }
    assert_eq!(after.sum("doorward_store_operation_errors_total", &[]), 0.0);
    assert_eq!(after.sum("doorward_task_failures_total", &[]), 0.0);
}

#[test]
fn a_denied_attempt_is_counted_by_its_limit() {
    let server = MonitoredServer::start(&[("DOORWARD_THROTTLE__ENABLED", "true")]);
    let token = server.admin();
    // Three wrong passwords for one account, and the next is throttled; thirty from one network, and the limit is
    // reached.
    let names = (0..10).map(|_| "admin".to_owned());
    let others = (0..40).map(|number| format!("unknown-{number}"));
    let statuses: Vec<u16> = names
        .chain(others)
        .map(|name| server.sign_in(&name, "not at all this one").status)
        .collect();
    let put_off = statuses.iter().filter(|status| **status == 429).count() as f64;
    assert!(put_off > 15.0, "{statuses:?}");
    let seen = server.scrape();
    let throttled = |limit| seen.one("doorward_throttled_total", &[("limit", limit)]);
    assert!(throttled("guess") > 0.0 && throttled("sign-in") > 0.0);
    let all = ["guess", "sign-in"].map(throttled);
    assert_eq!(all.iter().sum::<f64>(), put_off);
    // All of them were sign-ins.
    assert_eq!(seen.one(SIGN_INS, &[("outcome", "throttled")]), put_off);
    // A password change has the same limit, and is not a sign-in.
    let body = json!({"username": "ben", "current_password": PASSWORD, "new_password": PASSWORD});
    // The network may attempt one password every two seconds.
    let change = || server.send("PUT", "/password", "", body.clone());
    assert!((0..10).any(|_| change().status == 429));
    let after = server.scrape();
    assert_eq!(after.one(SIGN_INS, &[("outcome", "throttled")]), put_off);
    server.get("/auth", &token).expect(200);
    let ask = || server.post("/recovery", json!({"email": "ann@example.com"}));
    for _ in 0..3 {
        ask().expect(202);
    }
    ask().expect(429);
    let seen = server.scrape();
    let mailbox = [("limit", "mailbox")];
    assert_eq!(seen.one("doorward_throttled_total", &mailbox), 1.0);
}

/// One log line and one count, like every other request.
#[test]
fn a_client_that_disconnects_is_counted_and_logged() {
    let server = MonitoredServer::start(&[]);
    let mut stream = TcpStream::connect(("127.0.0.1", server.doorward.port())).unwrap();
    let request =
        "GET /inbox.json?to=nobody@example.com&wait=10 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let in_flight = |seen: &Scrape| seen.one("doorward_http_requests_in_flight", &[]);
    wait_for(|| server.scrape(), |seen| in_flight(seen) == 1.0);
    drop(stream);
    let aborted = [("route", "/inbox.json"), ("status", "aborted")];
    let seen = wait_for(
        || server.scrape(),
        |seen| seen.sum(REQUESTS, &aborted) == 1.0,
    );
    assert_eq!(in_flight(&seen), 0.0);
    let log = server.doorward.log();
    assert!(log.contains("request aborted"), "{log}");
}

#[test]
fn the_expiry_of_the_certificate_is_a_metric() {
    const ENDS: &str = "doorward_certificate_expires_timestamp_seconds";
    let server = MonitoredServer::start(&[("DOORWARD_TLS__DEVELOPMENT", "true")]);
    let seen = server.scrape();
    let started_at = seen.one("process_start_time_seconds", &[]);
    let days = (seen.one(ENDS, &[]) - started_at) / 86_400.0;
    assert!((300.0..400.0).contains(&days), "{days}");
    let plain = MonitoredServer::start(&[]);
    assert!(plain.scrape().all(ENDS, &[]).is_empty());
}

#[test]
fn the_process_has_metrics() {
    let server = MonitoredServer::start(&[]);
    let seen = server.scrape();
    let megabyte = 1_048_576.0;
    assert!(seen.one("process_resident_memory_bytes", &[]) > megabyte);
    assert!(seen.one("process_cpu_seconds_total", &[]) > 0.0);
    let open = seen.one("process_open_fds", &[]);
    assert!(open > 5.0 && open < seen.one("process_max_fds", &[]));
    assert!(seen.one("process_threads", &[]) > 2.0);
    assert!(seen.one("process_start_time_seconds", &[]) > 1_700_000_000.0);
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    assert_eq!(seen.one("doorward_build_info", &version), 1.0);
}
