//! Failed deliveries: which are permanent, and what the log may contain.

use std::error::Error;
use std::time::{Duration, Instant};

use doorward_domain::outbox::{MailError, Mailer};
use doorward_mail::{SmtpSettings, TransportSettings};

use crate::sink::{SmtpSink, mail, mailer, mailer_for, open};

/// The error with its causes, as in the log.
fn chain(error: &MailError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner} {inner:?}");
        cause = inner.source();
    }
    text
}

#[tokio::test]
async fn a_rejection_of_the_mail_is_permanent_if_its_code_is_5xx() {
    for (mode, permanent, word) in [
        ("rcpt-450", false, "450"),
        ("rcpt-550", true, "550"),
        ("data-451", false, "451"),
        ("data-554", true, "554"),
        ("mail-421", false, "421"),
        ("mail-530", false, "530"),
        ("greet-554", false, "554"),
        ("drop", false, "sending"),
    ] {
        let sink = SmtpSink::start(mode);
        let error = mailer_for(&sink).send(&mail(0)).await.unwrap_err();
        let text = chain(&error);
        assert_eq!(error.permanent, permanent, "{mode}: {text}");
        assert!(text.contains(word), "{mode}: {text}");
        // L-02: the server repeats the address; the error does not.
        assert!(
            !text.contains("Ben.Miller") && !text.contains("Zm9v"),
            "{mode}: {text}"
        );
        assert!(
            !mode.starts_with("rcpt") || text.contains("B***@example.com"),
            "{mode}: {text}"
        );
        let events = sink.stop();
        assert!(
            events.iter().all(|line| line["event"] != "mail"),
            "{mode}: {events:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_a_temporary_failure() {
    // Bound and not listened on, so that no other process gets the port.
    let reserved = tokio::net::TcpSocket::new_v4().unwrap();
    reserved.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let port = reserved.local_addr().unwrap().port();
    let error = mailer(&format!("smtp://127.0.0.1:{port}"))
        .send(&mail(0))
        .await
        .unwrap_err();
    assert!(!error.permanent);
    assert!(chain(&error).contains("refused"), "{}", chain(&error));
}

fn with_timeout(sink: &SmtpSink, timeout: Duration) -> doorward_mail::TemplateMailer {
    let mut settings = SmtpSettings::parse(&format!("smtp://127.0.0.1:{}", sink.port)).unwrap();
    settings.timeout = timeout;
    open(TransportSettings::Smtp(settings))
}

#[tokio::test]
async fn a_silent_server_costs_no_more_than_the_time_limit() {
    const LIMIT: Duration = Duration::from_millis(300);
    let sink = SmtpSink::start("slow");
    let started = Instant::now();
    let error = with_timeout(&sink, LIMIT).send(&mail(0)).await.unwrap_err();
    assert!(!error.permanent, "{}", chain(&error));
    let elapsed = started.elapsed();
    assert!((LIMIT..LIMIT * 50).contains(&elapsed), "{elapsed:?}");
}

/// The late reply to the first mail must not be read as the reply to the second.
#[tokio::test]
async fn a_mail_that_timed_out_does_not_affect_the_next() {
    let sink = SmtpSink::start("stall-first");
    let mailer = with_timeout(&sink, Duration::from_secs(2));
    assert!(!mailer.send(&mail(0)).await.unwrap_err().permanent);
    sink.expect("connection");
    sink.expect("held");
    mailer.send(&mail(1)).await.unwrap();
    sink.expect("connection");
    sink.expect("mail");
}
