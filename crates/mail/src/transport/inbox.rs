//! The `inbox:` transport: stores the newest mails in memory, for the inbox page.
//!
//! For development and tests. Must not know HTTP or HTML: the page escapes the fields.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use doorward_domain::outbox::MailError;
use jiff::Timestamp;
use tokio::sync::watch;

use super::Transport;
use crate::composed_mail::ComposedMail;

/// Maximum number of mails. The oldest is deleted first.
const CAPACITY: usize = 200;

/// A received mail. Its `Debug` contains neither link nor text.
#[derive(Clone, PartialEq, Eq)]
pub struct InboxMail {
    /// Ascending from 1, never reused.
    pub id: u64,
    /// Recipient.
    pub to: String,
    /// Subject.
    pub subject: String,
    /// Text part.
    pub text: String,
    /// HTML part, a complete page.
    pub html: String,
    /// Time of receipt.
    pub at: Timestamp,
    /// Link in the mail.
    pub url: String,
}

impl fmt::Debug for InboxMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxMail")
            .field("id", &self.id)
            .field("subject", &self.subject)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// The received mails. Clones share them.
#[derive(Clone, Default)]
pub struct Inbox {
    /// The newest is the last.
    mails: Arc<Mutex<VecDeque<InboxMail>>>,
    /// Id of the newest mail, for readers that wait for the next one.
    last_id: watch::Sender<u64>,
}

impl Inbox {
    /// All mails, newest first.
    pub fn list(&self) -> Vec<InboxMail> {
        self.lock().iter().rev().cloned().collect()
    }

    /// Waits for a mail with a greater id, and returns the id of the newest mail.
    pub async fn newer_than(&self, id: u64) -> u64 {
        let mut last_id = self.last_id.subscribe();
        match last_id.wait_for(|last| *last > id).await {
            Ok(last) => *last,
            // Impossible: `self` holds the sender.
            Err(_) => id,
        }
    }

    /// Deletes all mails.
    pub fn delete_all(&self) {
        self.lock().clear();
    }

    fn add(&self, mail: &ComposedMail) {
        let mut mails = self.lock();
        let id = *self.last_id.borrow() + 1;
        let entry = InboxMail {
            id,
            to: mail.to.as_str().to_owned(),
            subject: mail.rendered.subject.clone(),
            text: mail.rendered.text.clone(),
            html: mail.rendered.html.clone(),
            at: mail.at,
            url: mail.url.clone(),
        };
        if mails.len() == CAPACITY {
            mails.pop_front();
        }
        mails.push_back(entry);
        // Under the lock, so that a woken reader finds the mail and ids increase.
        self.last_id.send_replace(id);
    }

    /// Ignores poisoning: no operation under the lock can leave the list inconsistent.
    fn lock(&self) -> MutexGuard<'_, VecDeque<InboxMail>> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Transport for Inbox {
    async fn deliver(&self, mail: &ComposedMail) -> Result<(), MailError> {
        self.add(mail);
        Ok(())
    }
}
