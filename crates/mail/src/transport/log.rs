//! The `log:` transport: logs each mail at level info, with its link.
//!
//! For development without a mail server: anyone who reads the log can use the link. No other part of
//! Doorward logs a link. The address is masked.

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
            mail.link = %letter.url,
            mail.text = letter.rendered.text,
            "mail written to the log instead of being sent"
        );
        Ok(())
    }
}
