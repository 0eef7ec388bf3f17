//! What the pages of a new authenticator app show: its QR code and secret, and the recovery codes. The account area and the
//! sign-in have these pages.

use axum::response::Html;
use doorward_domain::factors::Enrolment;
use doorward_domain::values::Secret;
use minijinja::{Value, context};

use crate::factors::api::{code_texts, qr_svg};
use crate::html::form::Form;
use crate::html::return_to::{ReturnTo, with_return_to};
use crate::http::problem::{Code, Problem};

/// Number of characters between the spaces of a secret.
const SECRET_GROUP: usize = 4;

/// The page with the QR code, the secret and a field for the first code. After a wrong code, without the secret.
pub(super) struct Setup<'a> {
    /// Path of the form.
    action: &'a str,
    /// Path of the page on which the enrolment began.
    restart: &'a str,
    enrolment: Option<&'a Enrolment>,
    return_to: Option<&'a ReturnTo>,
}

impl<'a> Setup<'a> {
    pub(super) fn new(action: &'a str, restart: &'a str) -> Self {
        Self {
            action,
            restart,
            enrolment: None,
            return_to: None,
        }
    }

    pub(super) fn with_secret(self, enrolment: &'a Enrolment) -> Self {
        Self {
            enrolment: Some(enrolment),
            ..self
        }
    }

    pub(super) fn returning_to(self, return_to: Option<&'a ReturnTo>) -> Self {
        Self { return_to, ..self }
    }

    /// The values for the template `factors/setup`.
    pub(super) fn values(&self, form: &Form) -> Result<Value, Problem> {
        let (mut qr, mut uri, mut secret) = (None, None, None);
        if let Some(enrolment) = self.enrolment {
            let text = enrolment.uri.expose();
            qr = Some(Value::from_safe_string(qr_svg(text)?));
            uri = Some(text.as_str());
            secret = Some(in_groups(enrolment.secret.expose()));
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
