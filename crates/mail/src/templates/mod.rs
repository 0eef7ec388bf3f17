//! What mails say: one text and one HTML template a mail and language, and what is put into them.
//!
//! Must not know MIME, addresses or transports. What a person typed is a value of the template
//! and never part of its source, so `{{7*7}}` as a name stays `{{7*7}}`; in `.html` files values
//! are escaped.
//!
//! A template may use: `lang`, `product`, `url`, `at` and `link_hint`, which are always there, and
//! `greeting`, `username`, `valid`, `new_email` and `device`, which may be none and must be asked for
//! with `{% if %}`. To add one: a line in [`Templates::render`] and its name in this paragraph.

mod builtin;
mod overrides;
mod values;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use doorward_domain::ports::{Mail, MailTemplate};
use doorward_domain::values::{EmailAddress, Locale};
use jiff::Timestamp;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, context};

use crate::error::MailSetupError;
use crate::phrases;

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It does not parse, or cannot be rendered, or lacks what its mail is for.
    #[error("mail template {file}{}: {reason}", .line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Broken {
        /// The file that replaces it, or its own name where it is built in.
        file: String,
        /// Where, as far as that is known.
        line: Option<usize>,
        /// What is wrong.
        reason: String,
    },
    /// A file in the folder of templates is none.
    #[error("{path} is no mail template; there are {known}")]
    Unknown {
        /// The file or folder.
        path: PathBuf,
        /// The names there are.
        known: String,
    },
    /// A file or the folder cannot be read.
    #[error("cannot read the mail templates at {path}")]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

/// What a mail says.
#[derive(Clone)]
pub(crate) struct Rendered {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Every template, parsed and tried.
pub(crate) struct Templates {
    environment: Environment<'static>,
    replaced: BTreeMap<&'static str, PathBuf>,
    product: String,
}

impl Templates {
    /// Reads the built-in templates and those that replace them, and renders each with samples.
    pub fn load(product: &str, folder: Option<&Path>) -> Result<Self, MailSetupError> {
        if product.trim().is_empty() || values::one_line(product) != product {
            return Err(MailSetupError::Product);
        }
        let mut sources: BTreeMap<&'static str, String> = builtin::SOURCES
            .iter()
            .map(|(name, source)| (*name, (*source).to_owned()))
            .collect();
        let mut replaced = BTreeMap::new();
        if let Some(folder) = folder {
            let known: Vec<&'static str> = builtin::SOURCES.iter().map(|(name, _)| *name).collect();
            for file in overrides::read(folder, &known)? {
                replaced.insert(file.name, file.path);
                sources.insert(file.name, file.source);
            }
        }
        let mut templates = Self {
            environment: environment(),
            replaced,
            product: product.to_owned(),
        };
        for (name, source) in sources {
            // As saved by any editor: a byte order mark and CRLF would end up in the subject.
            let source = source.trim_start_matches('\u{feff}').replace("\r\n", "\n");
            templates
                .environment
                .add_template_owned(name, source)
                .map_err(|error| templates.broken(name, &error))?;
        }
        templates.try_all()?;
        Ok(templates)
    }

    /// How many of them the operator's files replace.
    pub fn replaced(&self) -> usize {
        self.replaced.len()
    }

    /// Puts a mail's values into its templates.
    pub fn render(&self, mail: &Mail) -> Result<Rendered, TemplateError> {
        if !values::is_plain_link(&mail.url) {
            let name = file_name(mail, "txt");
            return Err(self.lacking(&name, "its link is not an http or https address"));
        }
        let context = context! {
            lang => mail.locale.tag(),
            product => self.product.as_str(),
            greeting => mail.greeting.as_deref().and_then(values::greeting),
            username => mail.username.as_deref().map(values::one_line),
            url => mail.url.as_str(),
            valid => mail.valid_minutes.map(|minutes| phrases::lifetime(mail.locale, minutes)),
            at => mail.at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            new_email => mail.new_email.as_deref().map(values::one_line),
            device => mail.device.as_deref().map(values::one_line),
            link_hint => phrases::link_hint(mail.locale),
        };
        let render = |name: &str| {
            self.environment
                .get_template(name)
                .and_then(|template| template.render(context.clone()))
                .map_err(|error| self.broken(name, &error))
        };
        let name = file_name(mail, "txt");
        let (subject, text) = split_subject(&render(&name)?).ok_or_else(|| {
            self.lacking(
                &name,
                "it begins with a line `Subject: …` and an empty line",
            )
        })?;
        let html = render(&file_name(mail, "html"))?;
        Ok(Rendered {
            subject,
            text,
            html,
        })
    }

    /// Renders every mail with all its values and with none that may be missing, so that a
    /// broken template is found now and not by the first person who waits for a mail.
    fn try_all(&self) -> Result<(), TemplateError> {
        for locale in Locale::ALL {
            for template in MailTemplate::ALL {
                for mail in [
                    full_sample(template, locale),
                    sparse_sample(template, locale),
                ] {
                    let rendered = self.render(&mail)?;
                    let link_in_html = format!("href=\"{}\"", mail.url);
                    if is_about_its_link(template) && !rendered.text.contains(&mail.url) {
                        return Err(
                            self.lacking(&file_name(&mail, "txt"), "it lacks its link, {{ url }}")
                        );
                    }
                    if is_about_its_link(template) && !rendered.html.contains(&link_in_html) {
                        let reason = "it lacks its link, <a href=\"{{ url }}\">";
                        return Err(self.lacking(&file_name(&mail, "html"), reason));
                    }
                }
            }
        }
        Ok(())
    }

    fn lacking(&self, name: &str, reason: &str) -> TemplateError {
        TemplateError::Broken {
            file: self.file_of(name),
            line: None,
            reason: reason.to_owned(),
        }
    }

    /// Names the template and line where it went wrong: that of the innermost error, since a
    /// page's own error is wrapped in its layout's.
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
    // Its debug information would carry values, and with them the link, into errors.
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

fn file_name(mail: &Mail, kind: &str) -> String {
    format!("{}/{}.{kind}", mail.locale.tag(), mail.template.as_str())
}

/// Parts `Subject: …`, an empty line, and the text. No value has a line end in it, so the first
/// line is the template's.
fn split_subject(rendered: &str) -> Option<(String, String)> {
    let (head, text) = rendered.split_once("\n\n")?;
    let subject = values::one_line(head.strip_prefix("Subject:")?.trim());
    let is_sound = !head.contains('\n') && !subject.is_empty();
    is_sound.then(|| (subject, format!("{}\n", text.trim())))
}

/// Whether a mail is no use without its link.
fn is_about_its_link(template: MailTemplate) -> bool {
    match template {
        MailTemplate::Confirm
        | MailTemplate::Recover
        | MailTemplate::EmailChange
        | MailTemplate::EmailChangeUndo
        | MailTemplate::EmailChanged => true,
        MailTemplate::AlreadyRegistered
        | MailTemplate::PasswordChanged
        | MailTemplate::EmailChangeNotice
        | MailTemplate::EmailTakenBack
        | MailTemplate::NewSignIn
        | MailTemplate::SignInAfterFailures
        | MailTemplate::GuessingStopped => false,
    }
}

fn full_sample(template: MailTemplate, locale: Locale) -> Mail {
    Mail {
        greeting: Some("Ben".to_owned()),
        username: Some("ben".to_owned()),
        valid_minutes: Some(60),
        new_email: Some("b***@example.com".to_owned()),
        device: Some("Firefox, Linux, 192.0.2.7".to_owned()),
        ..sparse_sample(template, locale)
    }
}

fn sparse_sample(template: MailTemplate, locale: Locale) -> Mail {
    Mail {
        template,
        to: EmailAddress::parse("ben@example.com").expect("the sample address is one"),
        locale,
        greeting: None,
        username: None,
        url: "https://example.com/sample".to_owned(),
        valid_minutes: None,
        at: Timestamp::UNIX_EPOCH,
        new_email: None,
        device: None,
        message_id: "sample".to_owned(),
    }
}

#[cfg(test)]
mod tests;
