//! Metrics for mail that cannot be sent, for audit events that are not sealed yet, and for a database that does
//! not respond.

use std::time::{Duration, Instant};

use doorward_testkit::servers::{PostgresOptions, dedicated_postgres};
use serde_json::json;

use crate::server::{MonitoredServer, PASSWORD, wait_for};

const OUTBOX: [&str; 4] = [
    "doorward_outbox_waiting_mails",
    "doorward_outbox_oldest_age_seconds",
    "doorward_outbox_overdue_seconds",
    "doorward_outbox_failed_mails",
];

const UNSEALED: &str = "doorward_audit_oldest_unsealed_age_seconds";

/// L-01: an audit event is sealed within some seconds.
#[test]
fn the_age_of_unsealed_audit_events_is_a_metric() {
    let server = MonitoredServer::start(&[]);
    // A new event each time: a single one may be sealed before the scrape.
    let look = || {
        server.admin();
        server.scrape()
    };
    let seen = wait_for(look, |seen| seen.one(UNSEALED, &[]) > 0.0);
    assert!(seen.one(UNSEALED, &[]) < 300.0);
    wait_for(|| server.scrape(), |seen| seen.one(UNSEALED, &[]) == 0.0);
}

#[test]
fn a_mail_server_that_is_down_is_visible_in_metrics() {
    // No server listens on this port.
    let server = MonitoredServer::start(&[
        ("SMTP_URL", "smtp://127.0.0.1:1"),
        ("DOORWARD_MAIL__FROM", "Doorward <no-reply@example.com>"),
    ]);
    for name in ["ben", "ann"] {
        let email = format!("{name}@example.com");
        let body = json!({"username": name, "email": email, "password": PASSWORD});
        server.post("/user", body).expect(201);
    }
    let deferred = [("kind", "sign-up"), ("outcome", "deferred")];
    let seen = wait_for(
        || server.scrape(),
        |seen| seen.sum("doorward_mails_total", &deferred) >= 3.0 && seen.sum(OUTBOX[1], &[]) > 1.0,
    );
    assert_eq!(seen.one(OUTBOX[0], &[]), 2.0);
    assert_eq!(seen.one(OUTBOX[3], &[]), 0.0);
    // They are retried, so none is overdue for long.
    assert!(seen.one(OUTBOX[2], &[]) < 10.0);
    let sent = [("outcome", "sent")];
    assert_eq!(seen.sum("doorward_mails_total", &sent), 0.0);
    assert!(seen.one("doorward_mail_send_duration_seconds_count", &[]) >= 3.0);
}

/// A query takes at most three seconds, and Prometheus waits ten for the scrape.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_hangs_does_not_delay_a_scrape() {
    let database = dedicated_postgres(PostgresOptions::default()).await;
    let server = MonitoredServer::start(&[("DATABASE_URL", &database.url())]);
    assert_eq!(server.scrape().one(OUTBOX[0], &[]), 0.0);
    database.pause().await;
    let seen = wait_for(
        || {
            let started_at = Instant::now();
            let seen = server.scrape();
            assert!(started_at.elapsed() < Duration::from_secs(10));
            seen
        },
        |seen| seen.all(OUTBOX[0], &[]).is_empty(),
    );
    assert!(seen.one("doorward_scrape_errors_total", &[]) > 0.0);
    assert_eq!(seen.one("doorward_build_info", &[]), 1.0);
    database.resume().await;
    wait_for(
        || server.scrape(),
        |seen| !seen.all(OUTBOX[0], &[]).is_empty(),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_down_affects_only_the_outbox_metrics() {
    let database = dedicated_postgres(PostgresOptions::default()).await;
    let server = MonitoredServer::start(&[("DATABASE_URL", &database.url())]);
    let before = server.scrape();
    assert_eq!(before.one(OUTBOX[0], &[]), 0.0);
    database.stop().await;
    let seen = wait_for(
        || server.scrape(),
        |seen| seen.all(OUTBOX[0], &[]).is_empty(),
    );
    for gone in OUTBOX.iter().chain([&UNSEALED]) {
        assert!(seen.all(gone, &[]).is_empty(), "{gone}");
    }
    assert!(seen.one("doorward_scrape_errors_total", &[]) > 0.0);
    assert_eq!(seen.one("doorward_build_info", &[]), 1.0);
    let errors = "doorward_store_operation_errors_total";
    let claims = [("store", "database"), ("operation", "claim")];
    wait_for(|| server.scrape(), |seen| seen.sum(errors, &claims) > 0.0);
    let mail = [("task", "mail")];
    wait_for(
        || server.scrape(),
        |seen| seen.sum("doorward_task_failures_total", &mail) > 0.0,
    );
    database.start().await;
    let back = wait_for(
        || server.scrape(),
        |seen| !seen.all(OUTBOX[0], &[]).is_empty(),
    );
    assert_eq!(back.one(OUTBOX[0], &[]), 0.0);
}
