//! Successful deliveries.

use doorward_domain::model::MailKind;
use doorward_domain::outbox::{Mail, Mailer};
use doorward_domain::values::Locale;
use serde_json::{Value, json};

use crate::sink::{SmtpSink, mail, mailer_for};

fn header<'a>(received: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = received["parsed"]["headers"].as_array().unwrap();
    let of_that_name = headers.iter().filter(|field| field[0] == name);
    of_that_name
        .map(|field| field[1].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_mail_arrives_once_and_unchanged() {
    let sink = SmtpSink::start("ok");
    let sent = mail(0);
    mailer_for(&sink).send(&sent).await.unwrap();
    sink.expect("connection");
    let received = sink.expect("mail");
    assert_eq!(received["mail_from"], "no-reply@id.example.com");
    assert_eq!(received["rcpt_tos"], json!(["Ben.Miller@example.com"]));
    assert_eq!(received["hello"], "id.example.com");
    assert_eq!(received["parsed"]["defects"], json!([]));
    assert_eq!(received["parsed"]["type"], "multipart/alternative");
    for (name, value) in [
        ("From", "Doorward <no-reply@id.example.com>"),
        ("To", "Ben.Miller@example.com"),
        ("Subject", "Confirm your email address for Doorward"),
        ("Date", "Sat, 21 Nov 2026 09:15:00 +0000"),
        (
            "Message-ID",
            "<019ab3c0-0000-7000-8000-000000000001.0@id.example.com>",
        ),
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
    ] {
        assert_eq!(header(&received, name), [value]);
    }
    let text = received["parsed"]["parts"]["text/plain"].as_str().unwrap();
    assert!(
        text.contains("Hello Ben Müller,") && text.lines().any(|line| line == sent.url),
        "{text}"
    );
    let html = received["parsed"]["parts"]["text/html"].as_str().unwrap();
    assert!(html.contains(&format!("href=\"{}\"", sent.url)), "{html}");
    sink.expect("quit");
    assert_eq!(sink.stop(), [] as [Value; 0], "nothing else happens");
}

/// R-14, T-MAIL: each template in each language is a valid message to one recipient.
#[tokio::test]
async fn every_mail_in_every_language_arrives_without_a_defect() {
    let sink = SmtpSink::start("ok");
    let mailer = mailer_for(&sink);
    for locale in Locale::ALL {
        for kind in MailKind::ALL.iter().copied() {
            let sent = Mail {
                kind,
                valid_minutes: kind.has_secret_link().then_some(30),
                locale,
                ..mail(1)
            };
            mailer.send(&sent).await.unwrap();
        }
    }
    for _ in 0..Locale::ALL.len() * MailKind::ALL.len() {
        sink.expect("connection");
        let received = sink.expect("mail");
        assert_eq!(received["parsed"]["defects"], json!([]));
        assert_eq!(received["rcpt_tos"], json!(["Ben.Miller@example.com"]));
        assert!(header(&received, "Subject")[0].contains("Doorward"));
        sink.expect("quit");
    }
}

/// R-14, T-MAIL: user input changes neither the envelope nor a header field.
#[tokio::test]
async fn hostile_names_arrive_as_text() {
    let sink = SmtpSink::start("ok");
    let mailer = mailer_for(&sink);
    for value in [
        "{{7*7}}",
        "<a href=x>",
        "x\r\nBcc: x@y.example",
        "\r\n.\r\nRCPT TO:<x@y.example>\r\n",
        ".",
        "=?utf-8?q?x?=",
    ] {
        let sent = Mail {
            greeting: Some(value.to_owned()),
            username: Some(value.to_owned()),
            new_email: Some(value.to_owned()),
            device: Some(value.to_owned()),
            ..mail(2)
        };
        mailer.send(&sent).await.unwrap();
    }
    for shown in [
        "{{7*7}}",
        "<a href=x>",
        "xBcc: x@y.example",
        ".RCPT TO:<x@y.example>",
        ".",
        "=?utf-8?q?x?=",
    ] {
        sink.expect("connection");
        let received = sink.expect("mail");
        sink.expect("quit");
        assert_eq!(received["rcpt_tos"], json!(["Ben.Miller@example.com"]));
        assert_eq!(received["parsed"]["defects"], json!([]));
        assert_eq!(header(&received, "Bcc").len(), 0);
        assert_eq!(
            header(&received, "Subject"),
            ["Confirm your email address for Doorward"]
        );
        let text = received["parsed"]["parts"]["text/plain"].as_str().unwrap();
        assert!(text.contains(&format!("Hello {shown},")), "{text}");
        assert!(text.contains("If this wasn't you"), "{text}");
        let html = received["parsed"]["parts"]["text/html"].as_str().unwrap();
        assert_eq!(html.matches("<a ").count(), 1, "{html}");
    }
}

#[tokio::test]
async fn each_mail_has_its_own_connection() {
    let sink = SmtpSink::start("ok");
    let mailer = mailer_for(&sink);
    mailer.send(&mail(0)).await.unwrap();
    mailer.send(&mail(1)).await.unwrap();
    for event in ["connection", "mail", "quit", "connection", "mail", "quit"] {
        sink.expect(event);
    }
}

#[tokio::test]
async fn a_server_is_used_again_after_it_was_down() {
    let sink = SmtpSink::start("ok");
    let port = sink.port;
    let mailer = mailer_for(&sink);
    mailer.send(&mail(0)).await.unwrap();
    sink.stop();
    let error = mailer.send(&mail(1)).await.unwrap_err();
    assert!(!error.permanent);
    let sink = SmtpSink::start_with("ok", &["--port", &port.to_string()]);
    mailer.send(&mail(1)).await.unwrap();
    sink.expect("connection");
    assert_eq!(
        header(&sink.expect("mail"), "Message-ID"),
        ["<019ab3c0-0000-7000-8000-000000000001.1@id.example.com>"]
    );
}
