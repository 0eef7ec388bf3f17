//! Settings of the mailer.

use std::path::PathBuf;

use crate::transport::url::TransportSettings;

/// Input of [`crate::TemplateMailer::open`].
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// Sender: `Doorward <no-reply@example.com>` or only the address.
    pub from: String,
    /// Name of the service in mails.
    pub product: String,
    /// Folder whose files replace the built-in templates of the same name (`layout.html`, `confirm.txt` …)
    /// and single messages (`en.ftl` …).
    pub templates: Option<PathBuf>,
    /// Destination of mails.
    pub transport: TransportSettings,
}

impl MailSettings {
    /// Settings with all defaults.
    pub fn new(from: impl Into<String>, transport: TransportSettings) -> Self {
        Self {
            from: from.into(),
            product: "Doorward".to_owned(),
            templates: None,
            transport,
        }
    }
}
