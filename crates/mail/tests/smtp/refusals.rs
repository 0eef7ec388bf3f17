//! Mails that do not arrive: what is to be tried again, what is not, and what the log may say.

use std::error::Error;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use doorward_domain::ports::{MailError, Mailer};
use doorward_mail::{SmtpSettings, TransportSettings};

use crate::sink::{Sink, mail, mailer, mailer_for, open};

/// The whole chain, as a log would have it.
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
async fn an_answer_to_the_mail_is_final_or_not_as_the_server_says() {
    for (mood, permanent, word) in [
        ("rcpt-450", false, "450"),
        ("rcpt-550", true, "550"),
        ("data-451", false, "451"),
        ("data-554", false, "554"),
        ("mail-421", false, "421"),
        ("mail-530", false, "530"),
        ("greet-554", false, "554"),
        ("data-250", false, "makes no sense"),
        ("drop", false, "the message"),
    ] {
        let sink = Sink::start(mood);
        let error = mailer_for(&sink).send(&mail(0)).await.unwrap_err();
        let text = chain(&error);
        assert_eq!(error.permanent, permanent, "{mood}: {text}");
        assert!(text.contains(word), "{mood}: {text}");
        // L-02: the server repeats the address; the error does not.
        assert!(
            !text.contains("Ben.Miller") && !text.contains("Zm9v"),
            "{mood}: {text}"
        );
        assert!(
            !mood.starts_with("rcpt") || text.contains("B***@example.com"),
            "{mood}: {text}"
        );
        let told = sink.stop();
        assert!(
            told.iter().all(|line| line["event"] == "connection"),
            "{mood}: {told:?}"
        );
    }
}

#[tokio::test]
async fn nobody_listening_is_a_reason_to_try_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = mailer(&format!("smtp://127.0.0.1:{port}"))
        .send(&mail(0))
        .await
        .unwrap_err();
    assert!(!error.permanent);
    assert!(chain(&error).contains("refused"), "{}", chain(&error));
}

fn impatient(sink: &Sink, step: Duration, whole: Duration) -> doorward_mail::TemplateMailer {
    let mut settings = SmtpSettings::parse(&format!("smtp://127.0.0.1:{}", sink.port)).unwrap();
    settings.step_timeout = step;
    settings.content_timeout = step;
    settings.mail_timeout = whole;
    open(TransportSettings::Smtp(settings))
}

#[tokio::test]
async fn a_silent_server_costs_no_more_than_the_time_limit() {
    const SHORT: Duration = Duration::from_millis(300);
    const LONG: Duration = Duration::from_mins(1);
    let sink = Sink::start("slow");
    for (step, whole) in [(SHORT, LONG), (LONG, SHORT)] {
        let mailer = impatient(&sink, step, whole);
        for attempt in [mailer.send(&mail(0)).await, mailer.check().await] {
            assert!(!attempt.unwrap_err().permanent);
        }
        let begun = Instant::now();
        mailer.send(&mail(0)).await.unwrap_err();
        assert!(
            begun.elapsed() >= SHORT && begun.elapsed() < LONG / 2,
            "{:?}",
            begun.elapsed()
        );
    }
}

/// RFC 5321, 4.5.3.2.6: a message that was handed over in full is waited for, or it arrives twice.
#[tokio::test]
async fn a_server_may_think_longer_about_a_message_than_about_a_command() {
    let sink = Sink::start("think");
    let mut settings = SmtpSettings::parse(&format!("smtp://127.0.0.1:{}", sink.port)).unwrap();
    settings.step_timeout = Duration::from_secs(4);
    let mailer = open(TransportSettings::Smtp(settings));
    mailer.send(&mail(0)).await.unwrap();
}

/// A mail that was cut off must not leave its connection to the next one, which would read the
/// late answer as its own.
#[tokio::test]
async fn a_mail_that_timed_out_leaves_nothing_behind_for_the_next() {
    for (step, whole) in [(1, 60), (60, 1)] {
        let sink = Sink::start("stall-first");
        let mailer = impatient(&sink, Duration::from_secs(step), Duration::from_secs(whole));
        assert!(!mailer.send(&mail(0)).await.unwrap_err().permanent);
        sink.expect("connection");
        sink.expect("held");
        mailer.send(&mail(1)).await.unwrap();
        sink.expect("connection");
        sink.expect("mail");
    }
}
