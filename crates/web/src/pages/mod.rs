//! Pages: rendered on the server, in the user's language, usable without scripts (W-01).
//!
//! Handlers in this folder serve the routes of pages; pages of API routes are rendered by their handlers
//! under `api/`. Templates are compiled in, and the engine escapes every value (W-02). Their texts are
//! messages (`doorward_messages`), except on the pages for developers, which are in English. To add a page:
//! its template, its messages, a method here.

pub mod assets;
pub mod confirmation;
pub mod documents;
pub mod form;
pub mod inbox;
pub mod password;
pub mod recovery;
pub(crate) mod return_to;
pub mod session;

use std::fmt::Write;
use std::sync::Arc;

use axum::response::Html;
use doorward_domain::model::{Role, Status, User};
use doorward_domain::values::{EmailAddress, Locale, Name, Username};
use doorward_messages::Messages;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, Value, context};

use crate::inbox::InboxEntry;
use crate::pages::form::Form;
use crate::pages::return_to::{ReturnTo, sign_in_path};
use crate::problem::{Code, Problem};

/// Name and text of each page in `templates/`.
const TEMPLATES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// The two forms of the start page, and the target of their redirect.
#[derive(Debug, Default)]
pub(crate) struct WelcomeForms {
    pub(crate) sign_in: Form,
    pub(crate) sign_up: Form,
    pub(crate) return_to: Option<ReturnTo>,
}

/// The compiled templates, and their messages.
pub struct Pages {
    environment: Environment<'static>,
    messages: Arc<Messages>,
    min_length: usize,
}

impl Pages {
    /// Compiles the templates. `min_length` is that of a password.
    pub(crate) fn new(min_length: usize) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_formatter(escape);
        environment.add_global("stylesheet", assets::STYLESHEET.path());
        environment.add_global("script", assets::SCRIPT.path());
        environment.add_global("icon", assets::ICON.path());
        for (name, text) in TEMPLATES {
            environment
                .add_template(name, text)
                .expect("the templates are compiled in, and a test renders each");
        }
        Self {
            environment,
            messages: Arc::new(Messages::builtin()),
            min_length,
        }
    }

    fn page(&self, locale: Locale, name: &str, values: Value) -> Html<String> {
        let settings = context! { min_length => self.min_length };
        let functions = self.messages.functions(locale, &settings);
        let values = context! { ..functions, ..settings, ..values };
        let template = self
            .environment
            .get_template(&format!("{name}.html"))
            .expect("each page has a template");
        match template.render(values) {
            Ok(text) => Html(text),
            Err(error) => {
                tracing::error!(page = name, %error, "failed to render page");
                Html(
                    "<!doctype html><title>Doorward</title><p>This page cannot be shown."
                        .to_owned(),
                )
            }
        }
    }

    /// The start page without a session.
    pub(crate) fn welcome(
        &self,
        locale: Locale,
        forms: &WelcomeForms,
        has_inbox: bool,
    ) -> Html<String> {
        let (sign_in, sign_up) = (Value::from(&forms.sign_in), Value::from(&forms.sign_up));
        let return_to = forms.return_to.as_ref().map(ReturnTo::as_str);
        self.page(
            locale,
            "welcome",
            context! { sign_in, sign_up, return_to, has_inbox },
        )
    }

    /// The start page with a session: the user's data and actions.
    pub(crate) fn home(
        &self,
        locale: Locale,
        user: &User,
        has_inbox: bool,
        form: &Form,
    ) -> Html<String> {
        let data = user.data.as_map();
        let values = context! {
            title => display_name(user),
            username => user.username.as_ref().map(Username::as_str),
            email => user.email.as_ref().map(EmailAddress::as_str),
            pending_email => user.pending_address().map(EmailAddress::as_str),
            name => user.name.as_ref().map(Name::as_str),
            is_admin => user.role == Role::Admin,
            since => user.created_at.strftime("%Y-%m-%d").to_string(),
            data => (!data.is_empty()).then(|| serde_json::to_string_pretty(data).unwrap_or_default()),
            has_inbox,
            form => Value::from(form),
        };
        self.page(locale, "home", values)
    }

    /// The form that changes the password; without a session it also asks for the username or address.
    pub(crate) fn password(
        &self,
        locale: Locale,
        user: Option<&User>,
        form: &Form,
    ) -> Html<String> {
        let username = user.and_then(sign_in_name);
        self.page(
            locale,
            "password",
            context! { is_signed_in => user.is_some(), username, form => Value::from(form) },
        )
    }

    pub(crate) fn password_changed(&self, locale: Locale, is_signed_in: bool) -> Html<String> {
        self.page(locale, "password-changed", context! { is_signed_in })
    }

    pub(crate) fn signed_up(
        &self,
        locale: Locale,
        user: &User,
        return_to: Option<&ReturnTo>,
        has_inbox: bool,
    ) -> Html<String> {
        let email = user.pending_address().map(EmailAddress::as_str);
        let is_active = user.status == Status::Active;
        let sign_in = sign_in_path(return_to);
        self.page(
            locale,
            "signed-up",
            context! { name => display_name(user), email, is_active, sign_in, has_inbox },
        )
    }

    /// The confirmation page of a sign-up, of the first address of an account, or of a new address.
    pub(crate) fn confirm(
        &self,
        locale: Locale,
        user: &User,
        requires_password: bool,
        token: &str,
        form: &Form,
    ) -> Html<String> {
        let pending = user.pending_email.as_ref();
        let requested_at = pending.map(|pending| pending.requested_at);
        let values = context! {
            requires_password,
            username => user.username.as_ref().map(Username::as_str),
            name => user.name.as_ref().map(Name::as_str),
            email => user.pending_address().or(user.email.as_ref()).map(EmailAddress::as_str),
            is_new => user.status == Status::Pending,
            is_done => pending.is_none(),
            requested_at => requested_at.map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string()),
            form => Value::from(form),
            token,
        };
        self.page(locale, "confirm", values)
    }

    pub(crate) fn confirmed(
        &self,
        locale: Locale,
        user: &User,
        return_to: Option<&ReturnTo>,
    ) -> Html<String> {
        let values = context! { name => display_name(user), sign_in => sign_in_path(return_to) };
        self.page(locale, "confirmed", values)
    }

    pub(crate) fn confirmation_cancelled(&self, locale: Locale) -> Html<String> {
        self.page(locale, "confirmation-cancelled", context! {})
    }

    pub(crate) fn ask_recovery(&self, locale: Locale, form: &Form) -> Html<String> {
        self.page(
            locale,
            "request-recovery",
            context! { form => Value::from(form) },
        )
    }

    pub(crate) fn ask_confirmation(&self, locale: Locale, form: &Form) -> Html<String> {
        self.page(
            locale,
            "request-confirmation",
            context! { form => Value::from(form) },
        )
    }

    pub(crate) fn mail_requested(&self, locale: Locale, has_inbox: bool) -> Html<String> {
        self.page(locale, "mail-requested", context! { has_inbox })
    }

    pub(crate) fn recover(
        &self,
        locale: Locale,
        user: &User,
        token: &str,
        form: &Form,
    ) -> Html<String> {
        let values = context! {
            name => display_name(user),
            username => sign_in_name(user),
            form => Value::from(form),
            token,
        };
        self.page(locale, "recover", values)
    }

    /// The page behind the link that undoes an email change.
    pub(crate) fn undo_email(
        &self,
        locale: Locale,
        email: &EmailAddress,
        token: &str,
        form: &Form,
    ) -> Html<String> {
        let values = context! { email => email.as_str(), token, form => Value::from(form) };
        self.page(locale, "undo-email-change", values)
    }

    pub(crate) fn email_restored(&self, locale: Locale) -> Html<String> {
        self.page(locale, "email-change-undone", context! {})
    }

    pub(crate) fn recovered(&self, locale: Locale) -> Html<String> {
        self.page(locale, "recovered", context! {})
    }

    pub(crate) fn problem(
        &self,
        locale: Locale,
        problem: &Problem,
        request_id: &str,
    ) -> Html<String> {
        let code = problem.code;
        let values = context! {
            code => code.as_str(),
            title => code.title(),
            help => problem.detail.as_deref().unwrap_or(code.help()),
            errors => problem.errors.iter().map(|error| context! { field => &error.field, detail => &error.invalid.detail }).collect::<Vec<_>>(),
            request_id,
        };
        self.page(locale, "problem", values)
    }

    pub(crate) fn problems(&self, shown: &[Code]) -> Html<String> {
        let codes: Vec<_> = shown
            .iter()
            .map(|code| context! { name => code.as_str(), status => code.status().as_u16(), title => code.title(), help => code.help() })
            .collect();
        self.page(Locale::En, "problems", context! { codes })
    }

    pub(crate) fn inbox(&self, mails: &[InboxEntry]) -> Html<String> {
        let mails: Vec<_> = mails
            .iter()
            .map(|mail| context! { id => mail.id, to => &mail.to, subject => &mail.subject, text => &mail.text, url => &mail.url, at => &mail.at })
            .collect();
        self.page(Locale::En, "inbox", context! { mails })
    }

    /// The browsable reference of an OpenAPI document.
    pub(crate) fn docs(&self, document: &serde_json::Value) -> String {
        self.page(Locale::En, "docs", context! { operations => documents::operations(document), api => context! { description => document["info"]["description"].as_str(), version => document["info"]["version"].as_str() } }).0
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
        let written = match c {
            '&' => out.write_str("&amp;"),
            '<' => out.write_str("&lt;"),
            '>' => out.write_str("&gt;"),
            '"' => out.write_str("&quot;"),
            '\'' => out.write_str("&#39;"),
            other => out.write_char(other),
        };
        written.map_err(minijinja::Error::from)?;
    }
    Ok(())
}

/// The sign-in name of a user, for password managers.
fn sign_in_name(user: &User) -> Option<&str> {
    let username = user.username.as_ref().map(Username::as_str);
    username.or(user.email.as_ref().map(EmailAddress::as_str))
}

/// The display name of a user: name, username or address.
fn display_name(user: &User) -> Option<&str> {
    let name = user.name.as_ref().map(Name::as_str);
    let username = || user.username.as_ref().map(Username::as_str);
    let email = || {
        user.email
            .as_ref()
            .or(user.pending_address())
            .map(EmailAddress::as_str)
    };
    name.or_else(username).or_else(email)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_told_to_people_in_their_language() {
        let pages = Pages::new(8);
        for code in Code::ALL {
            let problem = Problem::new(*code);
            let [english, german] =
                Locale::ALL.map(|locale| pages.problem(locale, &problem, "4d1e").0);
            let heading = |page: &str| {
                page.split_once("<h1>")
                    .and_then(|(_, rest)| rest.split_once("</h1>"))
                    .map(|(text, _)| text.to_owned())
            };
            assert_ne!(heading(&english), heading(&german), "{}", code.as_str());
            for page in [&english, &german] {
                // The help texts are for developers.
                assert!(!page.contains(code.help()), "{page}");
                assert!(
                    page.contains("4d1e") && heading(page).is_some_and(|text| !text.is_empty()),
                    "{page}"
                );
            }
        }
    }

    #[test]
    fn a_refused_form_says_what_is_wrong_whatever_it_is() {
        let pages = Pages::new(12);
        let forms = WelcomeForms::default();
        for locale in Locale::ALL {
            let empty = pages.welcome(locale, &forms, false).0;
            assert!(
                empty.contains("minlength=\"12\"")
                    && !empty.contains("role=\"alert\"")
                    && !empty.contains("/inbox"),
                "{empty}"
            );
            for code in Code::ALL {
                let form = Form::default().refused(&Problem::new(*code));
                let forms = WelcomeForms {
                    sign_in: form,
                    ..WelcomeForms::default()
                };
                let page = pages.welcome(locale, &forms, true).0;
                let is_at_a_field = matches!(code, Code::UsernameTaken | Code::EmailTaken);
                assert_eq!(
                    page.contains("role=\"alert\""),
                    !is_at_a_field,
                    "{}",
                    code.as_str()
                );
            }
        }
    }
}
