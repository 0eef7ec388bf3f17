//! Pages: rendered on the server, in the user's language, usable without scripts (W-01).
//!
//! Templates are compiled in, and the engine escapes every value (W-02). Their texts are messages
//! (`doorward_messages`), except on the pages for developers, which are in English. The `pages.rs` of a feature renders
//! the templates in `templates/<feature>/`; nothing here imports a feature.

pub(crate) mod account;
pub(crate) mod assets;
pub(crate) mod brand;
pub(crate) mod color;
pub(crate) mod confirmation;
pub(crate) mod console;
pub(crate) mod dates;
pub(crate) mod form;
pub(crate) mod outcome;
pub(crate) mod places;
pub(crate) mod redirect;
pub(crate) mod return_to;
pub(crate) mod sent_to;
pub(crate) mod texts;

use std::fmt::{self, Write};
use std::sync::Arc;

use axum::response::Html;
use brand::Brand;
use doorward_domain::model::User;
use doorward_domain::values::{EmailAddress, Locale, Name, Username};
use doorward_domain::{Policy, SignUpPolicy};
use doorward_messages::Messages;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, Value, context};
use texts::Texts;

/// Name and text of each page in `templates/`.
const TEMPLATES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// Length of an address, in bytes, that fits in a line of a phone with large text.
const LONG_ADDRESS: usize = 20;

/// The compiled templates, and their messages.
pub struct Pages {
    environment: Environment<'static>,
    messages: Arc<Messages>,
    min_length: usize,
}

impl Pages {
    /// Compiles the templates for a policy and a brand. With `has_inbox`, pages link to the built-in inbox.
    pub(crate) fn new(policy: &Policy, brand: &Brand, texts: Texts, has_inbox: bool) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_formatter(escape);
        environment.add_filter("breakable", breakable);
        environment.add_global("stylesheet", assets::STYLESHEET.path());
        environment.add_global("script", assets::SCRIPT.path());
        environment.add_global("reference_script", assets::REFERENCE_SCRIPT.path());
        // An operator who has set a name does not want Doorward's icon.
        let icon = brand
            .icon()
            .or((!brand.has_name()).then(|| assets::ICON.path()));
        environment.add_global("icon", icon);
        environment.add_global("brand", brand_values(brand));
        environment.add_global("has_inbox", has_inbox);
        let language = |locale: Locale| context! { tag => locale.tag(), name => locale.own_name() };
        environment.add_global("all_languages", Locale::ALL.map(language).to_vec());
        environment.add_global("is_sign_up_open", policy.sign_up == SignUpPolicy::Open);
        environment.add_global("sign_up_policy", policy.sign_up.as_str());
        // A domain with subdomains begins with a dot.
        let domain = |name: &String| context! { name => name.trim_start_matches('.'), has_subdomains => name.starts_with('.') };
        let domains = policy.email_domains.names();
        let domains: Vec<_> = domains.iter().map(domain).collect();
        environment.add_global("sign_up_domains", domains);
        for (name, text) in TEMPLATES {
            environment
                .add_template(name, text)
                .expect("the templates are compiled in, and a test renders each");
        }
        Self {
            environment,
            messages: texts.0,
            min_length: policy.password_rules.min_length,
        }
    }

    /// Renders the template `templates/NAME.html`.
    pub(crate) fn render<'r>(
        &self,
        reader: impl Into<Reader<'r>>,
        name: &str,
        values: Value,
    ) -> Html<String> {
        let Reader { locale, here } = reader.into();
        let settings = context! { min_length => self.min_length };
        let functions = self.messages.functions(locale, &settings);
        let here = here.map_or_else(|| context! {}, |here| context! { here });
        let values = context! { ..functions, ..settings, ..here, ..values };
        let template = self
            .environment
            .get_template(&format!("{name}.html"))
            .expect("each page has a template");
        match template.render(values) {
            Ok(text) => Html(text),
            Err(error) => {
                tracing::error!(page = name, %error, "failed to render page");
                Html("<!doctype html><title>Error</title><p>This page cannot be shown.".to_owned())
            }
        }
    }
}

/// Who reads a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'r> {
    /// Language of the page.
    pub(crate) locale: Locale,
    /// The page, for the choice of another language; `None` for a page in English only.
    pub(crate) here: Option<&'r str>,
}

impl From<Locale> for Reader<'_> {
    fn from(locale: Locale) -> Self {
        Self { locale, here: None }
    }
}

fn brand_values(brand: &Brand) -> Value {
    let settings = brand.settings();
    context! {
        name => brand.name(),
        file_name => brand.file_name(),
        stylesheet => brand.stylesheet(),
        logo => brand.logo(),
        logo_dark => brand.logo_dark(),
        terms_url => settings.terms_url.as_deref(),
        privacy_url => settings.privacy_url.as_deref(),
        support => settings.support.as_deref(),
    }
}

/// Escapes the five characters that are special in HTML text and quoted attributes. The engine's own function also
/// escapes `/`, which is needless and makes links hard to read in the source.
fn escape(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    if value.is_safe()
        || !matches!(state.auto_escape(), AutoEscape::Html)
        || value.kind() != ValueKind::String
    {
        return minijinja::escape_formatter(out, state, value);
    }
    for c in value.as_str().unwrap_or_default().chars() {
        write_escaped(out, c).map_err(minijinja::Error::from)?;
    }
    Ok(())
}

fn write_escaped(out: &mut impl Write, c: char) -> fmt::Result {
    match c {
        '&' => out.write_str("&amp;"),
        '<' => out.write_str("&lt;"),
        '>' => out.write_str("&gt;"),
        '"' => out.write_str("&quot;"),
        '\'' => out.write_str("&#39;"),
        other => out.write_char(other),
    }
}

/// An email address, which breaks after `@` and `.` if it is long.
fn breakable(address: &str) -> Result<Value, minijinja::Error> {
    let mut html = String::new();
    for c in address.chars() {
        write_escaped(&mut html, c).map_err(minijinja::Error::from)?;
        if matches!(c, '@' | '.') && address.len() > LONG_ADDRESS {
            html.push_str("<wbr>");
        }
    }
    Ok(Value::from_safe_string(html))
}

/// The sign-in name of a user, for password managers.
pub(crate) fn sign_in_name(user: &User) -> Option<&str> {
    let username = user.username.as_ref().map(Username::as_str);
    username.or(user.email.as_ref().map(EmailAddress::as_str))
}

/// The display name of a user: name, username or address.
pub(crate) fn display_name(user: &User) -> Option<&str> {
    let email = || {
        user.email
            .as_ref()
            .or(user.pending_address())
            .map(EmailAddress::as_str)
    };
    name_without_address(user).or_else(email)
}

/// The name or the username.
pub(crate) fn name_without_address(user: &User) -> Option<&str> {
    let name = user.name.as_ref().map(Name::as_str);
    let username = || user.username.as_ref().map(Username::as_str);
    name.or_else(username)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_address_may_break_and_is_escaped() {
        for (address, html) in [
            ("ben@example.com", "ben@example.com"),
            (
                "a.long&name@mail.example.org",
                "a.<wbr>long&amp;name@<wbr>mail.<wbr>example.<wbr>org",
            ),
        ] {
            assert_eq!(breakable(address).unwrap().to_string(), html);
        }
    }
}
