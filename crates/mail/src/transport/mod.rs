//! Ways a finished message can go.
//!
//! A transport must not know templates, languages or jobs. It says `Ok` once somebody else answers
//! for the message, and otherwise whether trying again makes sense.
//!
//! To add one: a file here with a type that implements [`Transport`], a variant of
//! [`url::TransportSettings`] with its scheme, and an arm in `TemplateMailer::open`.

pub(crate) mod folder;
pub(crate) mod inbox;
pub(crate) mod log;
pub(crate) mod smtp;
pub(crate) mod url;

use async_trait::async_trait;
use doorward_domain::ports::MailError;

use crate::letter::Letter;

/// Takes messages.
#[async_trait]
pub(crate) trait Transport: Send + Sync {
    /// Hands one over, once.
    async fn deliver(&self, letter: &Letter) -> Result<(), MailError>;

    /// Tries whether one could be handed over, and hands none over.
    async fn check(&self) -> Result<(), MailError>;
}
