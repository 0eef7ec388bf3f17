//! The values of the pages of a new authenticator app: its QR code and secret, and the recovery codes. The account area and the
//! sign-in have these pages.

use axum::response::Html;
use doorward_domain::values::Secret;
use minijinja::{Value, context};

use crate::factors::api::{code_texts, qr_svg};
use crate::html::form::Form;
use crate::html::return_to::{ReturnTo, with_return_to};
use crate::http::body::Fields;
use crate::http::problem::{Code, Problem};

/// Number of characters between the spaces of a secret.
const SECRET_GROUP: usize = 4;

/// How the URI of an authenticator app begins.
const URI_START: &str = "otpauth://";

/// The page with the QR code, the secret and a field for the first code. The form sends the URI back, so that the page has
/// the secret again after a wrong code: only a client that has it gets it.
pub(super) struct Setup<'a> {
    /// Path of the form.
    action: &'a str,
    /// Path of the page on which the enrolment began.
    restart: &'a str,
    uri: Option<&'a str>,
    return_to: Option<&'a ReturnTo>,
}

impl<'a> Setup<'a> {
    pub(super) fn new(action: &'a str, restart: &'a str) -> Self {
        Self {
            action,
            restart,
            uri: None,
            return_to: None,
        }
    }

    pub(super) fn with_uri(self, uri: Option<&'a Secret<String>>) -> Self {
        let uri = uri.map(|uri| uri.expose().as_str());
        Self { uri, ..self }
    }

    pub(super) fn returning_to(self, return_to: Option<&'a ReturnTo>) -> Self {
        Self { return_to, ..self }
    }

    /// The values for the template `factors/setup`.
    pub(super) fn values(&self, form: &Form) -> Value {
        let uri = self.uri;
        let qr = uri.and_then(|uri| qr_svg(uri).ok());
        context! {
            action => self.action,
            restart => with_return_to(self.restart, self.return_to),
            return_to => self.return_to.map(ReturnTo::as_str),
            qr => qr.map(Value::from_safe_string),
            uri,
            secret => uri.and_then(secret_of).map(in_groups),
            form => Value::from(form),
        }
    }

    /// Shows the form again if its code is wrong.
    pub(super) fn rejected(
        &self,
        render: impl FnOnce(Value) -> Html<String>,
        problem: Problem,
    ) -> Problem {
        if !matches!(problem.code, Code::InvalidCode | Code::ValidationFailed) {
            return problem;
        }
        let values = self.values(&Form::default().with_errors(&problem));
        problem.on_page(render(values))
    }
}

/// Takes the URI that a form sends back. Other text is ignored.
pub(super) fn take_uri(fields: &mut Fields) -> Option<Secret<String>> {
    let is_uri = |text: &&str| text.starts_with(URI_START);
    let uri = |text: &str| {
        Ok(Some(text)
            .filter(is_uri)
            .map(|uri| Secret::new(uri.to_owned())))
    };
    fields.optional("uri", uri).flatten()
}

/// The secret in a URI.
fn secret_of(uri: &str) -> Option<&str> {
    let (_, query) = uri.split_once('?')?;
    query
        .split('&')
        .find_map(|part| part.strip_prefix("secret="))
}

/// A secret in groups of four characters, which are easier to type.
fn in_groups(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    let groups = letters.chunks(SECRET_GROUP).map(String::from_iter);
    groups.collect::<Vec<_>>().join(" ")
}

/// The values for the template `factors/codes`. `next` is where the user goes then; `None` for the sign-in page.
pub(super) fn codes_values(codes: &[Secret<String>], next: Option<&str>) -> Value {
    context! { codes => code_texts(codes), next }
}
