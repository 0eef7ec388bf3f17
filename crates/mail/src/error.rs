//! Errors of the mailer's setup, and the conversion of delivery errors to the port's [`MailError`].
//!
//! Must not know any transport: each has its own error, which becomes the cause. No message contains
//! a password.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use doorward_domain::outbox::MailError;

use crate::templates::TemplateError;

/// An invalid mail configuration. The server does not start with it.
#[derive(Debug, thiserror::Error)]
pub enum MailSetupError {
    /// The sender is not a single mailbox.
    #[error(
        "the sender {from:?} is not one mailbox such as \"Doorward <no-reply@example.com>\": {reason}"
    )]
    From {
        /// As configured.
        from: String,
        /// Reason.
        reason: String,
    },
    /// The product's name is not valid in a subject.
    #[error("the product's name is empty or has control characters")]
    Product,
    /// A template is invalid, unknown or unreadable.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The folder for mails cannot be used.
    #[error("cannot use the mail folder {path}")]
    Folder {
        /// As configured.
        path: PathBuf,
        /// Cause.
        #[source]
        cause: io::Error,
    },
    /// TLS to the mail server cannot be set up.
    #[error("cannot set up TLS for the mail server {host}")]
    Tls {
        /// Host of the mail server.
        host: String,
        /// Cause.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
}

/// A temporary failure: the worker retries.
pub(crate) fn temporary(cause: impl Into<Box<dyn Error + Send + Sync>>) -> MailError {
    MailError {
        permanent: false,
        cause: cause.into(),
    }
}

/// A permanent failure: the mail itself is invalid.
pub(crate) fn permanent(cause: impl Into<Box<dyn Error + Send + Sync>>) -> MailError {
    MailError {
        permanent: true,
        cause: cause.into(),
    }
}
