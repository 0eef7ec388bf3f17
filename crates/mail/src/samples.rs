//! Sample mails for tests.

use doorward_domain::model::MailKind;
use doorward_domain::outbox::Mail;
use doorward_domain::values::{EmailAddress, Locale};
use jiff::Timestamp;

pub(crate) const URL: &str = "https://id.example.com/confirmation/Zm9vYmFy-_a?x=1&y=2";

pub(crate) fn mail(kind: MailKind, locale: Locale) -> Mail {
    Mail {
        kind,
        to: EmailAddress::parse("Ben.Miller@example.com").unwrap(),
        locale,
        greeting: Some("Ben Müller".to_owned()),
        username: Some("ben-m".to_owned()),
        url: URL.to_owned(),
        valid_minutes: kind.has_secret_link().then_some(1440),
        at: "2026-11-21T08:00:30Z".parse().unwrap(),
        new_email: Some("n***@example.org".to_owned()),
        deletion_at: Some("2026-11-30T08:00:30Z".parse().unwrap()),
        device: Some("Firefox, Linux, 192.0.2.7".to_owned()),
        message_id: "019ab3c0-0000-7000-8000-000000000001".to_owned(),
    }
}

pub(crate) fn every_mail() -> Vec<Mail> {
    let mut mails = Vec::new();
    for locale in Locale::ALL {
        for kind in MailKind::ALL.iter().copied() {
            mails.push(mail(kind, locale));
        }
    }
    mails
}

pub(crate) fn now() -> Timestamp {
    "2026-11-21T09:15:00.123456Z".parse().unwrap()
}
