//! Settings of the mailer.

use std::path::PathBuf;

use crate::transport::url::TransportSettings;

/// Input of [`crate::TemplateMailer::open`].
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// Sender: `Doorward <no-reply@example.com>` or only the address.
    pub from: String,
    /// The operator's brand.
    pub brand: MailBrand,
    /// Folder whose files replace the built-in templates of the same name (`layout.html`, `confirm.txt` …)
    /// and single messages (`en.ftl` …).
    pub templates: Option<PathBuf>,
    /// Destination of mails.
    pub transport: TransportSettings,
}

/// What mails show of the operator's brand.
#[derive(Debug, Clone)]
pub struct MailBrand {
    /// Name of the service.
    pub name: String,
    /// Colour of the button, as `#rrggbb`, with white text on it; `None` for the default.
    pub accent: Option<String>,
    /// URL of a PNG image that replaces the name at the top.
    pub logo_url: Option<String>,
    /// URL of the PNG image that mail programs show in its place on a dark background.
    pub logo_dark_url: Option<String>,
}

impl Default for MailBrand {
    fn default() -> Self {
        Self {
            name: "Doorward".to_owned(),
            accent: None,
            logo_url: None,
            logo_dark_url: None,
        }
    }
}

impl MailSettings {
    /// Settings with all defaults.
    pub fn new(from: impl Into<String>, transport: TransportSettings) -> Self {
        Self {
            from: from.into(),
            brand: MailBrand::default(),
            templates: None,
            transport,
        }
    }
}
