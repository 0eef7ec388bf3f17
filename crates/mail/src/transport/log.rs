//! The `log:` transport: logs each mail at level info, with its link.
//!
//! For development without a mail server: anyone who reads the log can use the link. No other part of
//! Doorward logs a link. The address is masked.

use async_trait::async_trait;
use doorward_domain::outbox::MailError;

use super::Transport;
use crate::composed_mail::ComposedMail;
use crate::mask::mask_address;

/// Writes mails to the log.
pub(crate) struct LogTransport;

#[async_trait]
impl Transport for LogTransport {
    async fn deliver(&self, mail: &ComposedMail) -> Result<(), MailError> {
        tracing::info!(
            mail.template = mail.kind.template(),
            mail.to = mask_address(mail.to.as_str()),
            mail.subject = mail.rendered.subject,
            mail.link = %mail.url,
            mail.text = mail.rendered.text,
            "mail written to the log instead of being sent"
        );
        Ok(())
    }
}
