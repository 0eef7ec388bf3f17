//! The `Mailer` port: renders the template, builds the message, calls the transport.

use std::sync::Arc;

use async_trait::async_trait;
use doorward_domain::clock::Clock;
use doorward_domain::outbox::{Mail, MailError, MailText, Mailer};

use crate::composed_mail::ComposedMail;
use crate::error::{MailSetupError, permanent, temporary};
use crate::message::{BodyEncoding, Composer};
use crate::settings::MailSettings;
use crate::templates::{Rendered, Templates};
use crate::transport::inbox::Inbox;
use crate::transport::url::TransportSettings;
use crate::transport::{Transport, folder, log, smtp};

/// Renders mails from templates and hands them to the configured transport.
pub struct TemplateMailer {
    templates: Templates,
    composer: Composer,
    encoding: BodyEncoding,
    transport: Box<dyn Transport>,
    inbox: Option<Inbox>,
    clock: Arc<dyn Clock>,
}

impl TemplateMailer {
    /// Parses every template, and renders all mails with samples if a template is replaced, so that a broken one stops the start
    /// and not the first mail. Does not connect to the mail server: the server starts without it.
    pub fn open(settings: &MailSettings, clock: Arc<dyn Clock>) -> Result<Self, MailSetupError> {
        let composer = Composer::new(&settings.from)?;
        let templates = Templates::load(&settings.brand, settings.templates.as_deref())?;
        let encoding = match &settings.transport {
            TransportSettings::Smtp(_) => BodyEncoding::Smtp,
            _ => BodyEncoding::Readable,
        };
        let mut inbox = None;
        let transport: Box<dyn Transport> = match &settings.transport {
            TransportSettings::Smtp(smtp_settings) => {
                Box::new(smtp::SmtpTransport::new(smtp_settings, composer.domain())?)
            }
            TransportSettings::Folder(path) => Box::new(folder::FolderTransport::open(path)?),
            TransportSettings::Log => Box::new(log::LogTransport),
            TransportSettings::Inbox => Box::new(inbox.insert(Inbox::default()).clone()),
        };
        Ok(Self {
            templates,
            composer,
            encoding,
            transport,
            inbox,
            clock,
        })
    }

    /// The mails of the `inbox:` transport; `None` with any other.
    pub fn inbox(&self) -> Option<Inbox> {
        self.inbox.clone()
    }
}

#[async_trait]
impl Mailer for TemplateMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        // The operator can fix a broken template, and the mail is sent then. An invalid message
        // stays invalid.
        let rendered = self.templates.render(mail).map_err(temporary)?;
        let at = self.clock.now();
        let message = self
            .composer
            .compose(mail, &rendered, at, self.encoding)
            .map_err(permanent)?;
        let composed = ComposedMail {
            kind: mail.kind,
            to: mail.to.clone(),
            url: mail.url.clone(),
            id: mail.message_id.clone(),
            at,
            rendered,
            message,
        };
        self.transport.deliver(&composed).await
    }

    fn preview(&self, mail: &Mail) -> Result<MailText, MailError> {
        let Rendered { subject, text, .. } = self.templates.render(mail).map_err(temporary)?;
        Ok(MailText { subject, text })
    }
}
