//! The mail part's inbox, as the web part shows it: neither knows the other.

use std::sync::Arc;

use async_trait::async_trait;
use doorward_web::{Inbox, InboxMail};
use tokio::sync::watch;

use crate::wiring::Wired;

/// The inbox of this process, where mail stays in it. Whoever waits for mail is sent away when
/// `stop` turns true.
pub fn inbox(wired: &Wired, stop: &watch::Receiver<bool>) -> Option<Arc<dyn Inbox>> {
    let mails = wired.inbox.clone()?;
    let stop = stop.clone();
    Some(Arc::new(MailInbox { mails, stop }))
}

struct MailInbox {
    mails: doorward_mail::Inbox,
    stop: watch::Receiver<bool>,
}

#[async_trait]
impl Inbox for MailInbox {
    fn list(&self) -> Vec<InboxMail> {
        let shown = |mail: doorward_mail::InboxMail| InboxMail {
            id: mail.id,
            to: mail.to,
            subject: mail.subject,
            text: mail.text,
            url: mail.url,
            at: mail.at.to_string(),
        };
        self.mails.list().into_iter().map(shown).collect()
    }

    async fn newer_than(&self, id: u64) -> Option<u64> {
        let mut stop = self.stop.clone();
        tokio::select! {
            last = self.mails.newer_than(id) => Some(last),
            _ = stop.wait_for(|stop| *stop) => None,
        }
    }
}
