//! The `Mailer` of the ports: template, message, transport, one after the other.
//!
//! Must not know what a step does inside. It takes the time from the clock once a mail, for the
//! `Date` field and for whatever a transport files by time.

use std::sync::Arc;

use async_trait::async_trait;
use doorward_domain::ports::{Clock, Mail, MailError, Mailer};

use crate::error::{MailSetupError, permanent, temporary};
use crate::letter::Letter;
use crate::message::Composer;
use crate::settings::MailSettings;
use crate::templates::Templates;
use crate::transport::inbox::Inbox;
use crate::transport::url::TransportSettings;
use crate::transport::{Transport, folder, log, smtp};

/// Renders mails from templates and hands them to the configured transport.
pub struct TemplateMailer {
    templates: Templates,
    composer: Composer,
    transport: Box<dyn Transport>,
    inbox: Option<Inbox>,
    clock: Arc<dyn Clock>,
}

impl TemplateMailer {
    /// Makes it ready to send. Every template is read, parsed and rendered with samples here, so
    /// that a broken one stops the start and not the first mail. No mail server is asked yet:
    /// one that is down must not keep people from signing in.
    pub fn open(settings: &MailSettings, clock: Arc<dyn Clock>) -> Result<Self, MailSetupError> {
        let composer = Composer::new(&settings.from)?;
        let templates = Templates::load(&settings.product, settings.templates.as_deref())?;
        let mut inbox = None;
        let transport: Box<dyn Transport> = match &settings.transport {
            TransportSettings::Smtp(smtp_settings) => {
                let hello = smtp::hello_name(settings.public_host.as_deref(), composer.domain());
                Box::new(smtp::Smtp::new(smtp_settings, hello)?)
            }
            TransportSettings::Folder(path) => Box::new(folder::Folder::open(path)?),
            TransportSettings::Log => Box::new(log::Log),
            TransportSettings::Inbox => Box::new(inbox.insert(Inbox::default()).clone()),
        };
        Ok(Self {
            templates,
            composer,
            transport,
            inbox,
            clock,
        })
    }

    /// The mails of the `inbox:` transport; `None` with any other.
    pub fn inbox(&self) -> Option<Inbox> {
        self.inbox.clone()
    }

    /// Tries whether mail could be sent now, without sending any: with SMTP it connects, greets,
    /// starts TLS and signs in.
    pub async fn check(&self) -> Result<(), MailError> {
        self.transport.check().await
    }
}

#[async_trait]
impl Mailer for TemplateMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        // A template that cannot be rendered is the operator's to mend, and the mail goes out
        // once it is; a mail that no message can be made of will never be one.
        let rendered = self.templates.render(mail).map_err(temporary)?;
        let at = self.clock.now();
        let message = self
            .composer
            .compose(mail, &rendered, at)
            .map_err(permanent)?;
        let letter = Letter {
            template: mail.template,
            to: mail.to.clone(),
            url: mail.url.clone(),
            id: mail.message_id.clone(),
            at,
            rendered,
            message,
        };
        self.transport.deliver(&letter).await
    }
}
