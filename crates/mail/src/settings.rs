//! What the mailer needs to know to start.
//!
//! Must not know where settings come from: the binary reads them from its file and environment.
//! To add one: a field with its doc comment and its default in [`MailSettings::new`].

use std::path::PathBuf;

use crate::transport::url::TransportSettings;

/// Everything [`crate::TemplateMailer::open`] takes.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// The sender: one mailbox, `Doorward <no-reply@example.com>` or the address alone.
    pub from: String,
    /// What the mails call the service.
    pub product: String,
    /// A folder whose files take the place of the built-in templates of the same name
    /// (`layout.html`, `en/confirm.txt` …).
    pub templates: Option<PathBuf>,
    /// Where mails go.
    pub transport: TransportSettings,
}

impl MailSettings {
    /// The settings with every default.
    pub fn new(from: impl Into<String>, transport: TransportSettings) -> Self {
        Self {
            from: from.into(),
            product: "Doorward".to_owned(),
            templates: None,
            transport,
        }
    }
}
