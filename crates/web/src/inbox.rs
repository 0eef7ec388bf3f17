//! What the inbox page shows; the binary fills it from the mail transport of that name.

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
pub trait Inbox: Send + Sync {
    /// Newest first.
    fn list(&self) -> Vec<InboxMail>;
}
