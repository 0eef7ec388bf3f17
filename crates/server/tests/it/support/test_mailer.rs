//! A mailer that stores its mails.

use std::sync::Mutex;

use async_trait::async_trait;
use doorward_domain::ports::{Mail, MailError, Mailer};

/// Mails that were sent and not taken yet.
#[derive(Default)]
pub struct TestMailer(Mutex<Vec<Mail>>);

impl TestMailer {
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[async_trait]
impl Mailer for TestMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.0.lock().unwrap().push(mail.clone());
        Ok(())
    }
}

/// Recipient and template of each mail, in order of address.
pub fn summary(mails: &[Mail]) -> Vec<(&str, &'static str)> {
    let mut all: Vec<_> = mails
        .iter()
        .map(|mail| (mail.to.as_str(), mail.kind.template()))
        .collect();
    all.sort_unstable();
    all
}

/// The path of a mail's link.
pub fn path_in(mail: &Mail) -> String {
    let path = mail.url.strip_prefix(super::PUBLIC_URL);
    path.expect("links begin with the public URL").to_owned()
}
