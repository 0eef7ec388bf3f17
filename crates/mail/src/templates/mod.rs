//! Templates of mails: `mail.txt` and `mail.html`, which have the messages of a kind of mail
//! (`doorward_messages`), or files named after it, such as `confirm.txt`.
//!
//! Must not know MIME, addresses or transports. User input is a value and never part of a template, so a
//! name `{{7*7}}` stays `{{7*7}}`. Values are escaped in `.html` files.
//!
//! Templates and messages have the values `mail`, the name of the mail, `product`, `url` and `at`, and
//! `greeting`, `username`, `valid`, `new_email`, `deletion_at` and `device`, which may be missing: a template tests them with
//! `{% if %}`, a message selects `[0]`. `t("key")` is a message, `has("key")` whether there is one, `lang` the
//! language.

mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use doorward_domain::model::MailKind;
use doorward_domain::outbox::Mail;
use doorward_domain::values::{EmailAddress, Locale};
use doorward_messages::Messages;
use doorward_messages::folder::{self, FolderError};
use jiff::Timestamp;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, context};

use crate::error::MailSetupError;
use crate::settings::MailBrand;

/// Name and text of each file of `templates/`.
const BUILTIN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));
/// Returns `true` for the key of a message that only mails use, and of a duration.
fn is_replaceable(key: &str) -> bool {
    key.starts_with("mail-") || key.starts_with("duration-")
}

/// An error in a template.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It cannot be parsed or rendered, or lacks its link.
    #[error("mail template {file}{}: {reason}", .line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Broken {
        /// File of an override, or name of a built-in template.
        file: String,
        /// Line, if known.
        line: Option<usize>,
        /// Reason.
        reason: String,
    },
    /// A file in the folder of templates has an unknown name.
    #[error("{path} is not a mail template; known templates: {known}")]
    Unknown {
        /// File or folder.
        path: PathBuf,
        /// Known names.
        known: String,
    },
    /// A file or the folder cannot be read.
    #[error("cannot read the mail templates at {path}")]
    Unreadable {
        /// File or folder.
        path: PathBuf,
        /// Cause.
        #[source]
        cause: io::Error,
    },
}

impl From<FolderError> for TemplateError {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Unknown { path, known } => Self::Unknown { path, known },
            FolderError::Unreadable { path, cause } => Self::Unreadable { path, cause },
        }
    }
}

/// The content of a mail.
#[derive(Clone)]
pub(crate) struct Rendered {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// All templates, parsed and checked.
pub(crate) struct Templates {
    environment: Environment<'static>,
    messages: Arc<Messages>,
    replaced: BTreeMap<String, PathBuf>,
    brand: MailBrand,
}

impl Templates {
    /// Parses the built-in templates and their overrides. If there are overrides, renders each mail with samples.
    pub fn load(brand: &MailBrand, folder: Option<&Path>) -> Result<Self, MailSetupError> {
        let name = &brand.name;
        if name.trim().is_empty() || values::one_line(name) != *name {
            return Err(MailSetupError::Product);
        }
        let mut messages = Messages::builtin();
        let mut sources: BTreeMap<String, String> = BUILTIN
            .iter()
            .map(|(name, source)| ((*name).to_owned(), (*source).to_owned()))
            .collect();
        let mut replaced = BTreeMap::new();
        if let Some(folder) = folder {
            let languages = Locale::ALL.map(|locale| format!("{}.ftl", locale.tag()));
            let own = MailKind::ALL.iter().map(|kind| kind.template());
            let own = own.flat_map(|name| [format!("{name}.html"), format!("{name}.txt")]);
            let known = sources.keys().cloned().chain(own).chain(languages);
            let known: Vec<_> = BTreeSet::from_iter(known).into_iter().collect();
            for file in folder::read(folder, &known).map_err(TemplateError::from)? {
                if let Some(locale) = file.name.strip_suffix(".ftl").and_then(Locale::from_tag) {
                    messages
                        .replace(locale, &file.source, is_replaceable)
                        .map_err(|error| TemplateError::Broken {
                            file: file.path.display().to_string(),
                            line: Some(error.line),
                            reason: error.reason,
                        })?;
                } else {
                    sources.insert(file.name.clone(), file.source);
                }
                replaced.insert(file.name, file.path);
            }
        }
        let mut templates = Self {
            environment: environment(),
            messages: Arc::new(messages),
            replaced,
            brand: brand.clone(),
        };
        for (name, source) in sources {
            // Some editors write a byte order mark and CRLF, which would appear in the subject.
            let source = source.trim_start_matches('\u{feff}').replace("\r\n", "\n");
            templates
                .environment
                .add_template_owned(name.clone(), source)
                .map_err(|error| templates.broken(&name, &error))?;
        }
        // Tests render the built-in ones.
        if !templates.replaced.is_empty() {
            templates.try_all()?;
        }
        Ok(templates)
    }

    /// Number of the operator's files.
    pub fn replaced(&self) -> usize {
        self.replaced.len()
    }

    /// Renders a mail.
    pub fn render(&self, mail: &Mail) -> Result<Rendered, TemplateError> {
        let name = self.file_name(mail.kind, "txt");
        if !values::is_plain_link(&mail.url) {
            return Err(self.template_error(&name, "its link is not an http or https address"));
        }
        let valid = mail.valid_minutes.map(|minutes| {
            let (key, count) = lifetime(minutes);
            let text = self.messages.text(mail.locale, key, &context! { count });
            text.map_err(|error| self.broken(&name, &error))
        });
        let date_time = |at| {
            let text = self.date_time(at, mail.locale);
            text.map_err(|error| self.broken(&name, &error))
        };
        let values = context! {
            mail => mail.kind.template(),
            product => self.brand.name.as_str(),
            accent => self.brand.accent.as_deref().unwrap_or("#17614e"),
            logo_url => self.brand.logo_url.as_deref(),
            logo_dark_url => self.brand.logo_dark_url.as_deref(),
            greeting => mail.greeting.as_deref().and_then(values::greeting),
            username => mail.username.as_deref().map(values::one_line),
            url => mail.url.as_str(),
            valid => valid.transpose()?,
            at => date_time(mail.at)?,
            deletion_at => mail.deletion_at.map(date_time).transpose()?,
            new_email => mail.new_email.as_deref().map(values::one_line),
            device => mail.device.as_deref().map(values::one_line),
        };
        let functions = self.messages.functions(mail.locale, &values);
        let context = context! { ..functions, ..values };
        let render = |name: &str| {
            self.environment
                .get_template(name)
                .and_then(|template| template.render(context.clone()))
                .map_err(|error| self.broken(name, &error))
        };
        let (subject, text) = split_subject(&render(&name)?).ok_or_else(|| {
            self.template_error(
                &name,
                "it begins with a line `Subject: …` and an empty line",
            )
        })?;
        let html = render(&self.file_name(mail.kind, "html"))?;
        Ok(Rendered {
            subject,
            text,
            html,
        })
    }

    /// A time in words, such as `21 November 2026, 08:00 UTC`.
    fn date_time(&self, at: Timestamp, locale: Locale) -> Result<String, minijinja::Error> {
        let part = |format: &str| at.strftime(format).to_string();
        let parts = context! {
            day => part("%-d"),
            month => part("%B"),
            year => part("%Y"),
            time => part("%H:%M"),
        };
        self.messages.text(locale, "date-time", &parts)
    }

    /// Renders every mail with all values and without the optional ones, so that an invalid override is found at the start.
    fn try_all(&self) -> Result<(), TemplateError> {
        for locale in Locale::ALL {
            for kind in MailKind::ALL.iter().copied() {
                for mail in [full_sample(kind, locale), sparse_sample(kind, locale)] {
                    let rendered = self.render(&mail)?;
                    // A one-time link is what its mail is for.
                    if !kind.has_secret_link() {
                        continue;
                    }
                    if !rendered.text.contains(&mail.url) {
                        let reason = "it lacks its link, {{ url }}";
                        return Err(self.template_error(&self.file_name(kind, "txt"), reason));
                    }
                    if !rendered.html.contains(&format!("href=\"{}\"", mail.url)) {
                        let reason = "it lacks its link, <a href=\"{{ url }}\">";
                        return Err(self.template_error(&self.file_name(kind, "html"), reason));
                    }
                }
            }
        }
        Ok(())
    }

    /// Name of the template of a mail: its own, if there is one.
    fn file_name(&self, kind: MailKind, extension: &str) -> String {
        let own = format!("{}.{extension}", kind.template());
        match self.environment.get_template(&own) {
            Ok(_) => own,
            Err(_) => format!("mail.{extension}"),
        }
    }

    fn template_error(&self, name: &str, reason: &str) -> TemplateError {
        TemplateError::Broken {
            file: self.file_of(name),
            line: None,
            reason: reason.to_owned(),
        }
    }

    /// Names the template and line of the innermost error: an error of a page is wrapped in one of its
    /// layout.
    fn broken(&self, name: &str, error: &minijinja::Error) -> TemplateError {
        let mut innermost = error;
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            if let Some(inner) = inner.downcast_ref::<minijinja::Error>() {
                innermost = inner;
            }
            cause = inner.source();
        }
        let reason = match innermost.detail() {
            Some(detail) => format!("{}: {detail}", innermost.kind()),
            None => innermost.kind().to_string(),
        };
        TemplateError::Broken {
            file: self.file_of(innermost.name().unwrap_or(name)),
            line: innermost.line(),
            reason,
        }
    }

    fn file_of(&self, name: &str) -> String {
        match self.replaced.get(name) {
            Some(path) => path.display().to_string(),
            None => name.to_owned(),
        }
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Debug information would add values, such as the link, to errors.
    environment.set_debug(false);
    environment.set_formatter(values::write);
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .expect("the delimiters are the engine's own");
    environment.set_syntax(syntax);
    environment
}

/// Splits `Subject: …`, an empty line, and the text. Values contain no line ends, so the first line is the
/// template's.
fn split_subject(rendered: &str) -> Option<(String, String)> {
    let (head, text) = rendered.split_once("\n\n")?;
    let subject = values::one_line(head.strip_prefix("Subject:")?.trim());
    let is_sound = !head.contains('\n') && !subject.is_empty();
    is_sound.then(|| (subject, format!("{}\n", text.trim())))
}

/// The message and the number of the lifetime of a link, such as 30 minutes, 24 hours or 3 days. Rounded
/// down, so that a mail does not promise too much.
fn lifetime(minutes: i64) -> (&'static str, i64) {
    let minutes = minutes.max(1);
    let hours = minutes / 60;
    if minutes < 120 && minutes % 60 != 0 {
        ("duration-minutes", minutes)
    } else if hours >= 48 && hours % 24 == 0 {
        ("duration-days", hours / 24)
    } else {
        ("duration-hours", hours)
    }
}

fn full_sample(kind: MailKind, locale: Locale) -> Mail {
    Mail {
        greeting: Some("Ben".to_owned()),
        username: Some("ben".to_owned()),
        valid_minutes: kind.has_secret_link().then_some(60),
        new_email: Some("b***@example.com".to_owned()),
        deletion_at: Some(Timestamp::UNIX_EPOCH),
        device: Some("Firefox, Linux, 192.0.2.7".to_owned()),
        ..sparse_sample(kind, locale)
    }
}

fn sparse_sample(kind: MailKind, locale: Locale) -> Mail {
    Mail {
        kind,
        to: EmailAddress::parse("ben@example.com").expect("the sample address is one"),
        locale,
        greeting: None,
        username: None,
        url: "https://example.com/sample".to_owned(),
        valid_minutes: None,
        at: Timestamp::UNIX_EPOCH,
        new_email: None,
        deletion_at: None,
        device: None,
        message_id: "sample".to_owned(),
    }
}

#[cfg(test)]
mod tests;
