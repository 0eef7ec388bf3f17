//! TLS: mails and logins are sent only over a protected connection to the right server.
//!
//! Which roots are trusted is read from the environment (`SSL_CERT_FILE`), as in production. A
//! test cannot change its own environment safely, so each runs itself again as a child process
//! whose environment is right.

use std::env;
use std::process::Command;

use doorward_domain::outbox::Mailer;

use crate::certificates::Authority;
use crate::sink::{SmtpSink, mail, mailer};

const CHILD: &str = "DOORWARD_TEST_IN_CHILD";

/// Runs the test of that name in a child process that trusts the authority.
fn in_child_that_trusts(authority: &Authority, test: &str, arguments: &[(&str, &str)]) {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("SSL_CERT_FILE", authority.root())
        .env_remove("SSL_CERT_DIR")
        .env(CHILD, "1")
        .envs(arguments.iter().copied())
        .output()
        .unwrap();
    let printed = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{printed}"
    );
}

fn is_child() -> bool {
    env::var_os(CHILD).is_some()
}

fn given(name: &str) -> String {
    env::var(name).unwrap()
}

/// Starts a sink with a certificate for that name, and runs the test in a child process with the sink's
/// port in `PORT`. Returns the events of the sink.
fn with_sink(test: &str, mode: &str, certificate_for: &str) -> Vec<serde_json::Value> {
    let authority = Authority::new();
    let (cert, key) = authority.sign(certificate_for);
    let login = ["--user", "ben@example.com", "--password", "p:a/s%s"];
    let sink = SmtpSink::start_with(
        mode,
        &[&["--cert", &cert, "--key", &key], login.as_slice()].concat(),
    );
    in_child_that_trusts(&authority, test, &[("PORT", &sink.port.to_string())]);
    sink.stop()
}

/// The kinds of a sink's events.
fn events(output: &[serde_json::Value]) -> Vec<&str> {
    output
        .iter()
        .map(|line| line["event"].as_str().unwrap())
        .collect()
}

/// Sends one mail in the child and expects this temporary failure.
async fn expect_not_sent(url: &str, why: &str) {
    let url = url.replace("PORT", &given("PORT"));
    let error = mailer(&url).send(&mail(0)).await.unwrap_err();
    let chain = format!("{error:?}");
    assert!(!error.permanent, "{chain}");
    assert!(
        !chain.contains("hunter2") && !chain.contains("p:a/s%s"),
        "{chain}"
    );
    assert!(chain.contains(why), "{chain}");
}

async fn expect_sent(url: &str) {
    let mailer = mailer(&url.replace("PORT", &given("PORT")));
    mailer.send(&mail(0)).await.unwrap();
}

#[tokio::test]
async fn starttls_with_a_login_delivers() {
    if is_child() {
        return expect_sent(
            "smtp://ben%40example.com:p%3Aa%2Fs%25s@localhost:PORT?starttls=required",
        )
        .await;
    }
    let output = with_sink(
        "tls::starttls_with_a_login_delivers",
        "auth",
        "DNS:localhost",
    );
    assert_eq!(events(&output), ["connection", "login", "mail", "quit"]);
    assert_eq!(
        (&output[2]["tls"], &output[2]["login"]),
        (&true.into(), &"ben@example.com".into())
    );
}

#[tokio::test]
async fn a_rejected_login_is_a_temporary_failure() {
    if is_child() {
        return expect_not_sent(
            "smtp://ben%40example.com:hunter2@localhost:PORT?starttls=required",
            "535",
        )
        .await;
    }
    let output = with_sink(
        "tls::a_rejected_login_is_a_temporary_failure",
        "auth",
        "DNS:localhost",
    );
    assert_eq!(events(&output), ["connection", "login"]);
    assert_eq!(output[1]["granted"], false);
}

#[tokio::test]
async fn implicit_tls_delivers() {
    if is_child() {
        return expect_sent("smtps://127.0.0.1:PORT").await;
    }
    let output = with_sink("tls::implicit_tls_delivers", "implicit-tls", "IP:127.0.0.1");
    assert_eq!(events(&output), ["connection", "mail", "quit"]);
    assert_eq!(output[1]["tls"], true);
}

#[tokio::test]
async fn opportunistic_starttls_uses_what_is_offered() {
    if is_child() {
        return expect_sent("smtp://localhost:PORT?starttls=opportunistic").await;
    }
    let output = with_sink(
        "tls::opportunistic_starttls_uses_what_is_offered",
        "starttls",
        "DNS:localhost",
    );
    assert_eq!(events(&output), ["connection", "mail", "quit"]);
    assert_eq!(output[1]["tls"], true);
}

/// C-03.
///
#[tokio::test]
async fn a_certificate_for_another_name_is_rejected() {
    if is_child() {
        expect_not_sent("smtp://localhost:PORT?starttls=required", "NotValidForName").await;
        return expect_not_sent(
            "smtp://localhost:PORT?starttls=opportunistic",
            "NotValidForName",
        )
        .await;
    }
    let output = with_sink(
        "tls::a_certificate_for_another_name_is_rejected",
        "starttls",
        "DNS:other.example",
    );
    assert_eq!(events(&output), ["connection", "connection"]);
}

///
#[tokio::test]
async fn implicit_tls_rejects_another_name() {
    if is_child() {
        return expect_not_sent("smtps://localhost:PORT", "NotValidForName").await;
    }
    let output = with_sink(
        "tls::implicit_tls_rejects_another_name",
        "implicit-tls",
        "DNS:other.example",
    );
    assert!(!events(&output).contains(&"mail"));
}

///
#[tokio::test]
async fn an_unknown_authority_is_rejected() {
    let authority = Authority::new();
    let (cert, key) = authority.sign("DNS:localhost");
    let sink = SmtpSink::start_with("starttls", &["--cert", &cert, "--key", &key]);
    let url = format!("smtp://localhost:{}?starttls=required", sink.port);
    let error = mailer(&url).send(&mail(0)).await.unwrap_err();
    assert!(!error.permanent);
    assert!(format!("{error:?}").contains("UnknownIssuer"), "{error:?}");
    assert_eq!(events(&sink.stop()), ["connection"]);
}

/// without STARTTLS, not even the login is sent.
#[tokio::test]
async fn required_starttls_sends_nothing_without_it() {
    let sink = SmtpSink::start_with("auth-plain", &["--user", "ben", "--password", "secret"]);
    let url = format!(
        "smtp://ben:secret@localhost:{}?starttls=required",
        sink.port
    );
    let error = mailer(&url).send(&mail(0)).await.unwrap_err();
    assert!(!error.permanent);
    assert!(
        format!("{error:?}").contains("STARTTLS is not supported"),
        "{error:?}"
    );
    let events = sink.stop();
    assert!(!events.iter().any(|line| line["event"] == "login"));
}

#[tokio::test]
async fn a_login_without_tls_works_on_loopback() {
    let sink = SmtpSink::start_with("auth-plain", &["--user", "ben", "--password", "secret"]);
    mailer(&format!("smtp://ben:secret@127.0.0.1:{}", sink.port))
        .send(&mail(0))
        .await
        .unwrap();
    assert_eq!(
        events(&sink.stop()),
        ["connection", "login", "mail", "quit"]
    );
}
