//! Checks the mail settings for `doorward doctor`. Sends no mail.
//!
//! Creates no folder and no file, so it opens no `TemplateMailer`. Addresses in replies of the mail
//! server are masked. To check a new transport: a function in its file and its arm in [`diagnose`].

use doorward_domain::diagnostics::Diagnostic;
use doorward_domain::error::chain;
use doorward_domain::values::EmailAddress;
use lettre::Address;

use crate::error::MailSetupError;
use crate::message::Composer;
use crate::settings::MailSettings;
use crate::templates::Templates;
use crate::transport::url::TransportSettings;
use crate::transport::{folder, smtp};

/// Checks the settings and whether the mail server accepts a mail to `to`. If `to` is `None`, checks only
/// the sender.
pub async fn diagnose(settings: &MailSettings, to: Option<&EmailAddress>) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let composer = match Composer::new(&settings.from) {
        Ok(composer) => Some(composer),
        Err(error) => {
            let hint = "set `mail.from` to an address of your domain";
            diagnostics.push(Diagnostic::failed("mail: sender", error.to_string(), hint));
            None
        }
    };
    diagnostics.push(templates(settings));
    match &settings.transport {
        TransportSettings::Smtp(server) => {
            if let Some(composer) = &composer {
                let to = to.and_then(|to| to.as_str().parse::<Address>().ok());
                diagnostics.push(smtp::diagnose(server, composer.sender(), to).await);
            }
        }
        TransportSettings::Folder(path) => diagnostics.push(folder::diagnose(path)),
        TransportSettings::Log => diagnostics.push(Diagnostic::warning(
            "mail",
            "mails are written to the log with their links, and not sent",
            "set `mail.url` (SMTP_URL) before users sign up",
        )),
        TransportSettings::Inbox => diagnostics.push(Diagnostic::passed(
            "mail",
            "mails stay in the built-in inbox; set `mail.url` (SMTP_URL) to send them",
        )),
    }
    diagnostics
}

fn templates(settings: &MailSettings) -> Diagnostic {
    match (
        Templates::load(&settings.brand, settings.templates.as_deref()),
        &settings.templates,
    ) {
        (Ok(_), None) => Diagnostic::passed("mail: templates", "the built-in ones"),
        (Ok(templates), Some(folder)) => Diagnostic::passed(
            "mail: templates",
            format!("{} replaced by {}", templates.replaced(), folder.display()),
        ),
        (Err(error), _) => {
            let hint = match &error {
                MailSetupError::Template(_) => {
                    "fix or remove that file; a built-in template replaces a removed one"
                }
                _ => "fix the setting",
            };
            Diagnostic::failed("mail: templates", chain(&error), hint)
        }
    }
}
