//! What the inbox shows, to people and to programs; the binary fills it from the mail transport of
//! that name.

use async_trait::async_trait;

/// A mail that stayed on this machine.
#[derive(Clone)]
pub struct InboxMail {
    /// Counts up.
    pub id: u64,
    /// Whom it went to.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The link it is about.
    pub url: String,
    /// When it was sent, RFC 3339.
    pub at: String,
}

/// The mails there are.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Newest first.
    fn list(&self) -> Vec<InboxMail>;

    /// Waits for a mail with a greater id than this one, and gives the last one's. None is that
    /// nobody should wait any longer: the server stops.
    async fn newer_than(&self, id: u64) -> Option<u64>;
}
