//! Tries the mail settings for `doorward doctor`, up to the recipient: no mail is sent.
//!
//! Changes nothing: no folder is made and no file written, which is why it opens no
//! `TemplateMailer`. What a mail server says is shown as the log would show it, addresses masked.
//! To examine a new transport: a function in its file and its arm in [`examine`].

use doorward_domain::checkup::Finding;
use doorward_domain::values::EmailAddress;
use lettre::Address;

use crate::error::MailSetupError;
use crate::message::Composer;
use crate::settings::MailSettings;
use crate::templates::Templates;
use crate::transport::url::TransportSettings;
use crate::transport::{folder, smtp};

/// What is wrong with the settings, and what the mail server says of a mail to `to`; where that is
/// none, it is asked about the sender alone.
pub async fn examine(settings: &MailSettings, to: Option<&EmailAddress>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let composer = match Composer::new(&settings.from) {
        Ok(composer) => Some(composer),
        Err(error) => {
            let mend = "set `mail.from` to an address of a domain that you send for";
            findings.push(Finding::fault("mail: sender", error.to_string(), mend));
            None
        }
    };
    findings.push(templates(settings));
    match &settings.transport {
        TransportSettings::Smtp(server) => {
            if let Some(composer) = &composer {
                let to = to.and_then(|to| to.as_str().parse::<Address>().ok());
                findings.push(smtp::examine(server, composer.sender(), to).await);
            }
        }
        TransportSettings::Folder(path) => findings.push(folder::examine(path)),
        TransportSettings::Log => findings.push(Finding::warning(
            "mail",
            "mail is written to the log, links and all, and reaches nobody",
            "set `mail.url` (SMTP_URL) before people sign up",
        )),
        TransportSettings::Inbox => findings.push(Finding::fine(
            "mail",
            "stays in the built-in inbox; `mail.url` (SMTP_URL) sends it",
        )),
    }
    findings
}

fn templates(settings: &MailSettings) -> Finding {
    match (
        Templates::load(&settings.product, settings.templates.as_deref()),
        &settings.templates,
    ) {
        (Ok(_), None) => Finding::fine("mail: templates", "the built-in ones"),
        (Ok(templates), Some(folder)) => Finding::fine(
            "mail: templates",
            format!("{} replaced by {}", templates.replaced(), folder.display()),
        ),
        (Err(error), _) => {
            let mend = match &error {
                MailSetupError::Template(_) => {
                    "mend or remove that file; built-in templates take the place of removed ones"
                }
                _ => "mend the setting",
            };
            Finding::fault("mail: templates", chain(&error), mend)
        }
    }
}

/// An error and its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        // Some errors repeat their cause in their own text.
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}
