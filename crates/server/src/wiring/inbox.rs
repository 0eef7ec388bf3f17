//! Adapts the inbox of the mail crate to the web crate. Neither depends on the other.

use std::sync::Arc;

use async_trait::async_trait;
use doorward_web::{InboxEntry, InboxSource};
use tokio::sync::watch;

/// Adapts the inbox. Requests that wait for mail end when `stop` becomes true.
pub fn source(mails: doorward_mail::Inbox, stop: &watch::Receiver<bool>) -> Arc<dyn InboxSource> {
    let stop = stop.clone();
    Arc::new(InboxAdapter { mails, stop })
}

struct InboxAdapter {
    mails: doorward_mail::Inbox,
    stop: watch::Receiver<bool>,
}

#[async_trait]
impl InboxSource for InboxAdapter {
    fn list(&self) -> Vec<InboxEntry> {
        let view = |mail: doorward_mail::InboxMail| InboxEntry {
            id: mail.id,
            to: mail.to,
            subject: mail.subject,
            text: mail.text,
            html: mail.html,
            url: mail.url,
            at: mail.at.to_string(),
        };
        self.mails.list().into_iter().map(view).collect()
    }

    fn clear(&self) {
        self.mails.delete_all();
    }

    async fn newer_than(&self, id: u64) -> Option<u64> {
        let mut stop = self.stop.clone();
        tokio::select! {
            last = self.mails.newer_than(id) => Some(last),
            _ = stop.wait_for(|stop| *stop) => None,
        }
    }
}
