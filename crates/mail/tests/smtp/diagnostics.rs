//! Checks of the mail settings by `doorward doctor`: each finds its fault, and sends or creates nothing.

use std::fs;
use std::path::Path;

use doorward_domain::diagnostics::{CheckStatus, Diagnostic};
use doorward_domain::values::EmailAddress;
use doorward_mail::{MailSettings, TransportSettings, diagnose, parse_transport};

use crate::certificates::Authority;
use crate::sink::SmtpSink;

fn settings(url: &str) -> MailSettings {
    let transport = parse_transport(url).unwrap();
    MailSettings::new("Doorward <no-reply@id.example.com>", transport)
}

async fn diagnostics(settings: &MailSettings, to: Option<&str>) -> Vec<Diagnostic> {
    let to = to.map(|to| EmailAddress::parse(to).unwrap());
    diagnose(settings, to.as_ref()).await
}

/// The one diagnostic on that check.
async fn found(settings: &MailSettings, to: Option<&str>, check: &str) -> Diagnostic {
    let all = diagnostics(settings, to).await;
    let of_check: Vec<_> = all
        .iter()
        .filter(|diagnostic| diagnostic.check == check)
        .collect();
    assert_eq!(of_check.len(), 1, "{all:?}");
    of_check[0].clone()
}

async fn server(url: &str) -> Diagnostic {
    found(&settings(url), Some("ben@example.com"), "mail: server").await
}

#[tokio::test]
async fn a_server_that_accepts_the_recipient_gets_no_mail() {
    let sink = SmtpSink::start("ok");
    let url = format!("smtp://127.0.0.1:{}", sink.port);
    let diagnostic = server(&url).await;
    assert_eq!(diagnostic.status, CheckStatus::Passed, "{diagnostic:?}");
    assert!(
        diagnostic.message.contains("b***@example.com"),
        "{}",
        diagnostic.message
    );
    let alone = found(&settings(&url), None, "mail: server").await;
    assert!(alone.message.contains("--mail-to"), "{}", alone.message);
    let events: Vec<String> = sink
        .stop()
        .iter()
        .map(|found_hint| found_hint["event"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(events, ["connection", "quit", "connection", "quit"]);
}

#[tokio::test]
async fn each_rejection_has_a_hint() {
    for (mode, status, found, hint) in [
        (
            "rcpt-550",
            CheckStatus::Failed,
            "550 while sending",
            "exists",
        ),
        (
            "rcpt-450",
            CheckStatus::Warning,
            "450 while sending",
            "try again",
        ),
        (
            "mail-530",
            CheckStatus::Failed,
            "530 while sending",
            "password",
        ),
        ("greet-554", CheckStatus::Failed, "554", "operator"),
    ] {
        let sink = SmtpSink::start(mode);
        let diagnostic = server(&format!("smtp://127.0.0.1:{}", sink.port)).await;
        assert_eq!(diagnostic.status, status, "{mode}: {diagnostic:?}");
        assert!(diagnostic.message.contains(found), "{mode}: {diagnostic:?}");
        let found_hint = diagnostic.hint.unwrap();
        assert!(found_hint.contains(hint), "{mode}: {found_hint}");
        assert!(
            !diagnostic.message.contains("ben@"),
            "L-02: {}",
            diagnostic.message
        );
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_a_failure() {
    // Bound and not listened on, so that no other process gets the port.
    let reserved = tokio::net::TcpSocket::new_v4().unwrap();
    reserved.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let port = reserved.local_addr().unwrap().port();
    let diagnostic = server(&format!("smtp://127.0.0.1:{port}")).await;
    assert_eq!(diagnostic.status, CheckStatus::Failed);
    assert!(diagnostic.message.contains("refused"), "{diagnostic:?}");
    assert!(diagnostic.hint.unwrap().contains("port"));
}

#[tokio::test]
async fn a_wrong_password_is_reported_without_the_password() {
    let sink = SmtpSink::start_with("auth-plain", &["--user", "ben", "--password", "secret"]);
    let diagnostic = server(&format!("smtp://ben:hunter2@127.0.0.1:{}", sink.port)).await;
    assert_eq!(diagnostic.status, CheckStatus::Failed);
    assert!(
        diagnostic.message.contains("535 while connecting"),
        "{diagnostic:?}"
    );
    assert!(!format!("{diagnostic:?}").contains("hunter2"));
    assert!(diagnostic.hint.unwrap().contains("percent-encode"));
}

///
#[tokio::test]
async fn missing_starttls_and_an_unknown_authority_are_failures() {
    let sink = SmtpSink::start("ok");
    let diagnostic = server(&format!("smtp://localhost:{}?starttls=required", sink.port)).await;
    assert!(diagnostic.message.contains("STARTTLS"), "{diagnostic:?}");
    assert!(diagnostic.hint.unwrap().contains("smtps://"));

    let authority = Authority::new();
    let (cert, key) = authority.sign("DNS:localhost");
    let sink = SmtpSink::start_with("starttls", &["--cert", &cert, "--key", &key]);
    let diagnostic = server(&format!("smtp://localhost:{}?starttls=required", sink.port)).await;
    assert_eq!(diagnostic.status, CheckStatus::Failed);
    assert!(diagnostic.message.contains("certificate"), "{diagnostic:?}");
    assert!(diagnostic.hint.unwrap().contains("SSL_CERT_FILE"));
}

#[tokio::test]
async fn a_broken_template_is_named_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let with = |transport: TransportSettings| MailSettings {
        templates: Some(folder.path().to_owned()),
        ..MailSettings::new("no-reply@example.com", transport)
    };
    let fine = found(&with(TransportSettings::Inbox), None, "mail: templates").await;
    assert_eq!(fine.status, CheckStatus::Passed);
    let file = folder.path().join("confirm.txt");
    for (source, reason) in [
        ("Subject: Hello\n\nNo link.\n", "lacks its link"),
        ("Subject: Hello\n\n{{ url\n", "confirm.txt"),
        ("Hello\n", "Subject:"),
    ] {
        fs::write(&file, source).unwrap();
        let diagnostic = found(&with(TransportSettings::Inbox), None, "mail: templates").await;
        assert_eq!(diagnostic.status, CheckStatus::Failed, "{source:?}");
        assert!(diagnostic.message.contains(reason), "{diagnostic:?}");
        assert!(diagnostic.message.contains("confirm.txt"), "{diagnostic:?}");
    }
    fs::remove_file(&file).unwrap();
    fs::write(folder.path().join("confrim.txt"), "x").unwrap();
    let diagnostic = found(&with(TransportSettings::Inbox), None, "mail: templates").await;
    assert!(diagnostic.message.contains("confrim.txt"), "{diagnostic:?}");
}

#[tokio::test]
async fn an_invalid_sender_is_reported_and_the_other_checks_run() {
    let settings = MailSettings::new("Doorward", TransportSettings::Log);
    let all = diagnostics(&settings, None).await;
    let parts: Vec<_> = all
        .iter()
        .map(|diagnostic| (diagnostic.check, diagnostic.status))
        .collect();
    assert_eq!(
        parts,
        [
            ("mail: sender", CheckStatus::Failed),
            ("mail: templates", CheckStatus::Passed),
            ("mail", CheckStatus::Warning),
        ]
    );
}

#[tokio::test]
async fn a_folder_is_checked_and_not_created() {
    let parent = tempfile::tempdir().unwrap();
    let look = async |path: &Path| {
        let settings = settings(&format!("folder:{}", path.display()));
        found(&settings, None, "mail: folder").await
    };
    let missing = parent.path().join("a/b");
    let diagnostic = look(&missing).await;
    assert_eq!(diagnostic.status, CheckStatus::Passed);
    assert!(diagnostic.message.contains("first start"), "{diagnostic:?}");
    assert!(!parent.path().join("a").exists());
    assert_eq!(look(parent.path()).await.status, CheckStatus::Passed);
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(look(&file.join("mails")).await.status, CheckStatus::Failed);
}
