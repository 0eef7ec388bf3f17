//! The `log:` transport: a mail is a line in the log.
//!
//! It writes the whole text with its link at level info, which no other part of Doorward may do:
//! whoever reads the log can use the link. That is its purpose, for a developer without a mail
//! server, and the reason it is for nothing else. The address stays masked all the same.

use async_trait::async_trait;
use doorward_domain::ports::MailError;

use super::Transport;
use crate::letter::Letter;
use crate::mask::mask_address;

/// Writes mails to the log.
pub(crate) struct Log;

#[async_trait]
impl Transport for Log {
    async fn deliver(&self, letter: &Letter) -> Result<(), MailError> {
        tracing::info!(
            mail.template = letter.template.as_str(),
            mail.to = mask_address(letter.to.as_str()),
            mail.subject = letter.rendered.subject,
            mail.text = letter.rendered.text,
            "mail written to the log instead of being sent"
        );
        Ok(())
    }

    async fn check(&self) -> Result<(), MailError> {
        Ok(())
    }
}
