//! What stops the mailer from starting, and how a failed delivery becomes the port's [`MailError`].
//!
//! Must not know any one transport: each has its own error, which becomes the cause. To add a
//! reason not to start: a variant whose text says what to mend, never with a password in it.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use doorward_domain::ports::MailError;

use crate::templates::TemplateError;

/// Why mail cannot work as it is configured. The server does not start with it.
#[derive(Debug, thiserror::Error)]
pub enum MailSetupError {
    /// The sender is not one mailbox.
    #[error(
        "the sender {from:?} is not one mailbox such as \"Doorward <no-reply@example.com>\": {reason}"
    )]
    From {
        /// As configured.
        from: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The product's name cannot stand in a subject.
    #[error("the product's name is empty or has control characters")]
    Product,
    /// A template is broken, unknown or unreadable.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The folder for mails cannot be used.
    #[error("cannot use the mail folder {path}")]
    Folder {
        /// As configured.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// TLS towards the mail server cannot be set up.
    #[error("cannot set up TLS for the mail server {host}")]
    Tls {
        /// The mail server.
        host: String,
        /// Why.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
}

/// A failure that may pass: the worker tries again.
pub(crate) fn temporary(cause: impl Into<Box<dyn Error + Send + Sync>>) -> MailError {
    MailError {
        permanent: false,
        cause: cause.into(),
    }
}

/// A failure that lies in this very mail: trying again is pointless.
pub(crate) fn permanent(cause: impl Into<Box<dyn Error + Send + Sync>>) -> MailError {
    MailError {
        permanent: true,
        cause: cause.into(),
    }
}
