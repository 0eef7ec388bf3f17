//! What the pages of a new authenticator app show: its QR code and secret, and the recovery codes. The account area and the
//! sign-in have these pages.

use axum::response::Html;
use doorward_domain::factors::FactorCode;
use doorward_domain::values::Secret;
use minijinja::{Value, context};

use crate::factors::api::{code_texts, qr_svg};
use crate::html::form::Form;
use crate::html::return_to::{ReturnTo, with_return_to};
use crate::http::body::Fields;
use crate::http::problem::{Code, Problem};

/// Number of characters between the spaces of a secret.
const SECRET_GROUP: usize = 4;

/// Longest URI of an authenticator app that a form sends back, in bytes. A QR code has room for it.
const MAX_URI_BYTES: usize = 1024;

/// The page with the QR code, the secret and a field for the first code. The server shows the secret once: after a wrong code,
/// it is that of the form.
pub(super) struct Setup<'a> {
    /// Path of the form.
    action: &'a str,
    /// Path of the page on which the enrolment began.
    restart: &'a str,
    uri: Option<&'a Secret<String>>,
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

    /// With the secret in an `otpauth` URI.
    pub(super) fn with_secret(self, uri: Option<&'a Secret<String>>) -> Self {
        Self { uri, ..self }
    }

    pub(super) fn returning_to(self, return_to: Option<&'a ReturnTo>) -> Self {
        Self { return_to, ..self }
    }

    /// The values for the template `factors/setup`.
    pub(super) fn values(&self, form: &Form) -> Result<Value, Problem> {
        let (mut qr, mut uri, mut secret) = (None, None, None);
        let shown = self.uri.map(Secret::expose);
        if let Some((text, found)) = shown.and_then(|text| Some((text, secret_in(text)?))) {
            qr = Some(Value::from_safe_string(qr_svg(text)?));
            uri = Some(text.as_str());
            secret = Some(in_groups(found));
        }
        Ok(context! {
            action => self.action,
            restart => with_return_to(self.restart, self.return_to),
            return_to => self.return_to.map(ReturnTo::as_str),
            qr,
            uri,
            secret,
            form => Value::from(form),
        })
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
        match self.values(&Form::default().with_errors(&problem)) {
            Ok(values) => problem.on_page(render(values)),
            Err(other) => other,
        }
    }
}

/// The secret in the URI of an authenticator app. `None` if a form has sent something else.
fn secret_in(uri: &str) -> Option<&str> {
    let uri = Some(uri).filter(|uri| uri.len() <= MAX_URI_BYTES)?;
    let (_, query) = uri.strip_prefix("otpauth://totp/")?.split_once('?')?;
    let mut fields = query.split('&');
    fields.find_map(|field| field.strip_prefix("secret="))
}

/// Takes the first code, and the URI that the page has shown.
pub(super) fn first_code(fields: &mut Fields) -> (Option<FactorCode>, Option<Secret<String>>) {
    let code = fields.required("code", FactorCode::parse);
    let uri = fields.optional("uri", |text| Ok(Secret::new(text.to_owned())));
    (code, uri)
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
