//! The transports without a mail server: folder, inbox and log.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use doorward_domain::model::MailKind;
use doorward_domain::outbox::{Mail, Mailer};
use doorward_mail::{TransportSettings, parse_transport};

use crate::sink::{mail, open};

#[tokio::test]
async fn the_folder_gets_one_private_file_for_each_mail() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("new/mails");
    let mailer = open(TransportSettings::Folder(folder.clone()));
    mailer.send(&mail(0)).await.unwrap();
    mailer.send(&mail(1)).await.unwrap();
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "20261121T091500.123456Z-confirm-019ab3c0-0000-7000-8000-000000000001.0.eml",
            "20261121T091500.123456Z-confirm-019ab3c0-0000-7000-8000-000000000001.1.eml",
        ]
    );
    let path = folder.join(&names[0]);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let message = fs::read_to_string(path).unwrap();
    assert!(
        message.contains("\r\nSubject: Confirm your email address for Doorward\r\n"),
        "{message}"
    );
    // The text and its link can be read in an editor.
    assert!(message.contains("Hello Ben Müller,"), "{message}");
    assert!(
        message.contains(&format!("\r\n{}\r\n", mail(0).url)),
        "{message}"
    );
    fs::remove_dir_all(&folder).unwrap();
    let error = mailer.send(&mail(2)).await.unwrap_err();
    assert!(
        !error.permanent,
        "a full or missing disk is a temporary failure"
    );
}

#[tokio::test]
async fn the_inbox_shows_the_last_mails_newest_first() {
    let mailer = open(parse_transport("inbox:").unwrap());
    let inbox = mailer.inbox().unwrap();
    assert!(inbox.list().is_empty());
    for number in 0..203 {
        mailer.send(&mail(number)).await.unwrap();
    }
    let mails = inbox.list();
    assert_eq!(mails.len(), 200);
    assert_eq!((mails[0].id, mails[199].id), (203, 4));
    let found = &mails[0];
    assert_eq!(found.to, "Ben.Miller@example.com");
    assert_eq!(found.subject, "Confirm your email address for Doorward");
    assert_eq!(found.url, mail(0).url);
    assert!(found.text.contains(&found.url) && found.html.starts_with("<!doctype html>"));
    assert!(!format!("{found:?}").contains(&found.url));
    inbox.delete_all();
    assert!(mailer.inbox().unwrap().list().is_empty());
    mailer.send(&mail(0)).await.unwrap();
    assert_eq!(inbox.list()[0].id, 204, "no id is reused");
}

#[tokio::test]
async fn an_invalid_message_is_a_permanent_failure() {
    let mailer = open(TransportSettings::Log);
    let odd = Mail {
        message_id: "a\r\nb".to_owned(),
        ..mail(0)
    };
    assert!(mailer.send(&odd).await.unwrap_err().permanent);
    for kind in MailKind::ALL.iter().copied() {
        mailer
            .send(&Mail {
                kind,
                valid_minutes: kind.has_secret_link().then_some(30),
                ..mail(0)
            })
            .await
            .unwrap();
    }
    assert!(mailer.inbox().is_none());
}
