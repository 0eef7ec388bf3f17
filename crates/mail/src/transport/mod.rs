//! Destinations of a message.
//!
//! A transport must not know templates, languages or jobs. It returns `Ok` once the destination has
//! accepted the message. Its errors indicate whether a retry makes sense.
//!
//! To add one: a file here with a type that implements [`Transport`], a variant of
//! [`url::TransportSettings`] with its scheme, and an arm in `TemplateMailer::open`.

pub(crate) mod folder;
pub(crate) mod inbox;
pub(crate) mod log;
pub(crate) mod smtp;
pub(crate) mod url;

use async_trait::async_trait;
use doorward_domain::outbox::MailError;

use crate::composed_mail::ComposedMail;

/// Delivers messages.
#[async_trait]
pub(crate) trait Transport: Send + Sync {
    /// Delivers a message once.
    async fn deliver(&self, mail: &ComposedMail) -> Result<(), MailError>;
}
