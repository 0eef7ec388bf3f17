//! A mailer that stores its mails, or rejects them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use doorward_domain::outbox::{Mail, MailError, MailText, Mailer};

/// What the mail server does with mails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum MailServer {
    Accepts,
    IsBusy,
    Rejects,
}

/// Mails that were sent and not taken yet.
#[derive(Default)]
pub struct TestMailer {
    sent: Mutex<Vec<Mail>>,
    server: AtomicU8,
}

impl TestMailer {
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut *self.sent.lock().unwrap())
    }

    pub fn set_server(&self, server: MailServer) {
        self.server.store(server as u8, Ordering::Relaxed);
    }
}

#[async_trait]
impl Mailer for TestMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let server = self.server.load(Ordering::Relaxed);
        if server != MailServer::Accepts as u8 {
            return Err(MailError {
                permanent: server == MailServer::Rejects as u8,
                cause: format!("451 cannot deliver {}", mail.url).into(),
            });
        }
        self.sent.lock().unwrap().push(mail.clone());
        Ok(())
    }

    /// The kind and the link.
    fn preview(&self, mail: &Mail) -> Result<MailText, MailError> {
        Ok(MailText {
            subject: mail.kind.as_str().to_owned(),
            text: mail.url.clone(),
        })
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
