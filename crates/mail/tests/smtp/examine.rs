//! Checks of the mail settings by `doorward doctor`: each finds its fault, and sends or creates nothing.

use std::fs;
use std::path::Path;

use doorward_domain::checkup::{Finding, Verdict};
use doorward_domain::values::EmailAddress;
use doorward_mail::{MailSettings, TransportSettings, examine, parse_transport};

use crate::certificates::Authority;
use crate::sink::SmtpSink;

fn settings(url: &str) -> MailSettings {
    let transport = parse_transport(url).unwrap();
    MailSettings::new("Doorward <no-reply@id.example.com>", transport)
}

async fn findings(settings: &MailSettings, to: Option<&str>) -> Vec<Finding> {
    let to = to.map(|to| EmailAddress::parse(to).unwrap());
    examine(settings, to.as_ref()).await
}

/// The one finding on that part.
async fn found(settings: &MailSettings, to: Option<&str>, part: &str) -> Finding {
    let all = findings(settings, to).await;
    let of_part: Vec<_> = all.iter().filter(|finding| finding.part == part).collect();
    assert_eq!(of_part.len(), 1, "{all:?}");
    of_part[0].clone()
}

async fn server(url: &str) -> Finding {
    found(&settings(url), Some("ben@example.com"), "mail: server").await
}

#[tokio::test]
async fn a_server_that_accepts_the_recipient_gets_no_mail() {
    let sink = SmtpSink::start("ok");
    let url = format!("smtp://127.0.0.1:{}", sink.port);
    let finding = server(&url).await;
    assert_eq!(finding.verdict, Verdict::Fine, "{finding:?}");
    assert!(
        finding.found.contains("b***@example.com"),
        "{}",
        finding.found
    );
    let alone = found(&settings(&url), None, "mail: server").await;
    assert!(alone.found.contains("--mail-to"), "{}", alone.found);
    let events: Vec<String> = sink
        .stop()
        .iter()
        .map(|told| told["event"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(events, ["connection", "quit", "connection", "quit"]);
}

#[tokio::test]
async fn each_rejection_has_a_hint() {
    for (mode, verdict, found, mend) in [
        ("rcpt-550", Verdict::Fault, "550 while sending", "exists"),
        (
            "rcpt-450",
            Verdict::Warning,
            "450 while sending",
            "try again",
        ),
        ("mail-530", Verdict::Fault, "530 while sending", "password"),
        ("greet-554", Verdict::Fault, "554", "operator"),
    ] {
        let sink = SmtpSink::start(mode);
        let finding = server(&format!("smtp://127.0.0.1:{}", sink.port)).await;
        assert_eq!(finding.verdict, verdict, "{mode}: {finding:?}");
        assert!(finding.found.contains(found), "{mode}: {finding:?}");
        let told = finding.mend.unwrap();
        assert!(told.contains(mend), "{mode}: {told}");
        assert!(!finding.found.contains("ben@"), "L-02: {}", finding.found);
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_a_fault() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let finding = server(&format!("smtp://127.0.0.1:{port}")).await;
    assert_eq!(finding.verdict, Verdict::Fault);
    assert!(finding.found.contains("refused"), "{finding:?}");
    assert!(finding.mend.unwrap().contains("port"));
}

#[tokio::test]
async fn a_wrong_password_is_reported_without_the_password() {
    let sink = SmtpSink::start_with("auth-plain", &["--user", "ben", "--password", "secret"]);
    let finding = server(&format!("smtp://ben:hunter2@127.0.0.1:{}", sink.port)).await;
    assert_eq!(finding.verdict, Verdict::Fault);
    assert!(
        finding.found.contains("535 while connecting"),
        "{finding:?}"
    );
    assert!(!format!("{finding:?}").contains("hunter2"));
    assert!(finding.mend.unwrap().contains("percent-encode"));
}

///
#[tokio::test]
async fn missing_starttls_and_an_unknown_authority_are_faults() {
    let sink = SmtpSink::start("ok");
    let finding = server(&format!("smtp://localhost:{}?starttls=required", sink.port)).await;
    assert!(finding.found.contains("STARTTLS"), "{finding:?}");
    assert!(finding.mend.unwrap().contains("smtps://"));

    let authority = Authority::new();
    let (cert, key) = authority.sign("DNS:localhost");
    let sink = SmtpSink::start_with("starttls", &["--cert", &cert, "--key", &key]);
    let finding = server(&format!("smtp://localhost:{}?starttls=required", sink.port)).await;
    assert_eq!(finding.verdict, Verdict::Fault);
    assert!(finding.found.contains("certificate"), "{finding:?}");
    assert!(finding.mend.unwrap().contains("SSL_CERT_FILE"));
}

#[tokio::test]
async fn a_broken_template_is_named_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("en")).unwrap();
    let with = |transport: TransportSettings| MailSettings {
        templates: Some(folder.path().to_owned()),
        ..MailSettings::new("no-reply@example.com", transport)
    };
    let fine = found(&with(TransportSettings::Inbox), None, "mail: templates").await;
    assert_eq!(fine.verdict, Verdict::Fine);
    let file = folder.path().join("en/confirm.txt");
    for (source, reason) in [
        ("Subject: Hello\n\nNo link.\n", "lacks its link"),
        ("Subject: Hello\n\n{{ url\n", "confirm.txt"),
        ("Hello\n", "Subject:"),
    ] {
        fs::write(&file, source).unwrap();
        let finding = found(&with(TransportSettings::Inbox), None, "mail: templates").await;
        assert_eq!(finding.verdict, Verdict::Fault, "{source:?}");
        assert!(finding.found.contains(reason), "{finding:?}");
        assert!(finding.found.contains("en/confirm.txt"), "{finding:?}");
    }
    fs::remove_file(&file).unwrap();
    fs::write(folder.path().join("en/confrim.txt"), "x").unwrap();
    let finding = found(&with(TransportSettings::Inbox), None, "mail: templates").await;
    assert!(finding.found.contains("confrim.txt"), "{finding:?}");
}

#[tokio::test]
async fn a_sender_that_is_none_is_told_and_the_rest_is_tried() {
    let settings = MailSettings::new("Doorward", TransportSettings::Log);
    let all = findings(&settings, None).await;
    let parts: Vec<_> = all
        .iter()
        .map(|finding| (finding.part, finding.verdict))
        .collect();
    assert_eq!(
        parts,
        [
            ("mail: sender", Verdict::Fault),
            ("mail: templates", Verdict::Fine),
            ("mail", Verdict::Warning),
        ]
    );
}

#[tokio::test]
async fn a_folder_is_looked_at_and_not_made() {
    let parent = tempfile::tempdir().unwrap();
    let look = async |path: &Path| {
        let settings = settings(&format!("folder:{}", path.display()));
        found(&settings, None, "mail: folder").await
    };
    let missing = parent.path().join("a/b");
    let finding = look(&missing).await;
    assert_eq!(finding.verdict, Verdict::Fine);
    assert!(finding.found.contains("first start"), "{finding:?}");
    assert!(!parent.path().join("a").exists());
    assert_eq!(look(parent.path()).await.verdict, Verdict::Fine);
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(look(&file.join("mails")).await.verdict, Verdict::Fault);
}
