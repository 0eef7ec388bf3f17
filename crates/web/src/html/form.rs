//! Forms that are shown again with what was entered and its errors.
//!
//! A handler creates a [`Form`] before it reads the body, and shows the page again with it. The messages
//! `fault-…` and `form-problem` have a variant for each code.

use std::collections::BTreeMap;

use axum::response::Html;
use doorward_domain::model::Version;
use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;

use crate::http::body::Fields;
use crate::http::problem::{Code, Problem, Wait};

/// All fields of all forms. Templates find each of them in every form.
const FIELDS: &[&str] = &[
    "username",
    "email",
    "password",
    "current_password",
    "new_password",
    "code",
    "name",
    "locale",
    "reason",
    "role",
    "delivery",
    "people",
    "data",
];
/// Fields that are shown again with their value. Never a password or a code.
const ECHOED_FIELDS: &[&str] = &[
    "username", "email", "name", "locale", "reason", "role", "delivery", "people", "data",
];
/// Fields for the password of a proof.
const PASSWORDS: [&str; 2] = ["password", "current_password"];

/// An empty form, or one with entered values and errors.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Form {
    /// `true` if the page shows an error: its title then begins with "Error:".
    is_rejected: bool,
    /// Problem code of the form as a whole.
    problem: Option<&'static str>,
    /// The wait before the next attempt.
    wait: Option<Wait>,
    /// `true` if a password was entered. Without one, a rejected proof lacks the password, else the code.
    #[serde(skip)]
    has_password: bool,
    /// A hidden field: the version of the user that the form was made from, or nothing.
    version: String,
    #[serde(flatten)]
    fields: BTreeMap<&'static str, Field>,
}

#[derive(Debug, Clone, Default, Serialize)]
struct Field {
    value: String,
    fault: Option<&'static str>,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            is_rejected: false,
            problem: None,
            wait: None,
            has_password: false,
            version: String::new(),
            fields: FIELDS
                .iter()
                .map(|name| (*name, Field::default()))
                .collect(),
        }
    }
}

impl From<&Form> for Value {
    fn from(form: &Form) -> Self {
        Self::from(Serde(form))
    }
}

impl Form {
    /// Creates a form with the entered values.
    pub(crate) fn from_fields(fields: &Fields) -> Self {
        let mut form = Self {
            has_password: PASSWORDS.iter().any(|name| !fields.is_absent(name)),
            version: fields.peek("version").unwrap_or_default().to_owned(),
            ..Self::default()
        };
        for name in ECHOED_FIELDS {
            if let Some(field) = form.fields.get_mut(name) {
                field.value = fields.peek(name).unwrap_or_default().to_owned();
            }
        }
        form
    }

    /// Sets the value of a field.
    pub(crate) fn with_value(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(field) = self.fields.get_mut(name) {
            field.value = value.unwrap_or_default().to_owned();
        }
        self
    }

    /// Returns `true` if the form was made from a version of a user.
    pub(crate) fn has_version(&self) -> bool {
        !self.version.is_empty()
    }

    /// Sets the version of the user that the form is made from.
    pub(crate) fn with_version(self, version: Version) -> Self {
        let version = version.0.to_string();
        Self { version, ..self }
    }

    /// The problem, whose page shows this form again with its errors.
    pub(crate) fn rejected(
        self,
        problem: Problem,
        page: impl FnOnce(&Self) -> Html<String>,
    ) -> Problem {
        let page = page(&self.with_errors(&problem));
        problem.on_page(page)
    }

    /// Adds the errors of a problem: at their fields, else above the form.
    pub(crate) fn with_errors(mut self, problem: &Problem) -> Self {
        self.is_rejected = true;
        self.wait = problem.retry_after.map(Wait::new);
        let is_shown = match problem.code {
            Code::UsernameTaken => self.set_error("username", "taken"),
            Code::EmailTaken => self.set_error("email", "taken"),
            Code::InvalidCode => self.set_error("code", "wrong"),
            Code::ReauthenticationRequired if self.has_password => {
                self.set_error("code", "missing")
            }
            Code::ReauthenticationRequired => self.set_error("password", "missing"),
            // The form was made from an earlier version of the user.
            Code::PreconditionFailed if self.has_version() => self.set_error("data", "changed"),
            // Errors of other fields are shown above the form.
            _ => problem
                .errors
                .iter()
                .fold(!problem.errors.is_empty(), |all_shown, error| {
                    self.set_error(&error.field, error.invalid.code) && all_shown
                }),
        };
        if !is_shown {
            // The text for a lockout by wrong codes names no wait: the lockout does not end with time.
            self.problem = Some(match problem.is_code_lockout {
                true => "codes-locked-out",
                false => problem.code.as_str(),
            });
        }
        self
    }

    fn set_error(&mut self, name: &str, code: &'static str) -> bool {
        match self.fields.get_mut(name) {
            Some(field) => {
                field.fault = Some(code);
                true
            }
            None => false,
        }
    }

    /// Shows a wrong password at this field. For a form of an account that is known: elsewhere, the name may be wrong.
    pub(crate) fn with_wrong_password_at(mut self, name: &str) -> Self {
        if matches!(self.problem, Some("invalid-credentials" | "wrong-password")) {
            self.problem = None;
            self.set_error(name, "wrong");
        }
        self
    }

    /// Moves an error of `email` to `username`, for pages with one field for both.
    pub(crate) fn with_login_field(self) -> Self {
        self.with_moved_error("email", "username")
    }

    /// Moves the error of a field that the page does not have to another one.
    pub(crate) fn with_moved_error(mut self, from: &str, to: &str) -> Self {
        let field = self.fields.get_mut(from);
        if let Some(fault) = field.and_then(|field| field.fault.take()) {
            self.set_error(to, fault);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use doorward_domain::FieldError;
    use doorward_domain::values::Invalid;

    use super::*;

    fn rejected(problem: &Problem) -> serde_json::Value {
        serde_json::to_value(Form::default().with_errors(problem)).unwrap()
    }

    #[test]
    fn an_error_is_shown_at_its_field_or_above_the_form() {
        let taken = rejected(&Problem::new(Code::UsernameTaken));
        assert_eq!(
            (&taken["username"]["fault"], &taken["problem"]),
            (&"taken".into(), &serde_json::Value::Null)
        );
        let wrong = rejected(&Problem::new(Code::InvalidCredentials));
        assert_eq!(wrong["problem"], "invalid-credentials");
        let code = rejected(&Problem::new(Code::InvalidCode));
        assert_eq!(
            (&code["code"]["fault"], &code["problem"]),
            (&"wrong".into(), &serde_json::Value::Null)
        );
        let locked = rejected(&doorward_domain::Error::CodesLockedOut.into());
        assert_eq!(locked["problem"], "codes-locked-out");
        let faults = |names: &[&str]| {
            let errors = names
                .iter()
                .map(|name| FieldError::new(*name, Invalid::new("invalid", "It is.")))
                .collect();
            rejected(&Problem::invalid(errors))
        };
        assert!(faults(&["email", "password"])["problem"].is_null());
        assert_eq!(
            faults(&["email", "password"])["password"]["fault"],
            "invalid"
        );
        assert_eq!(
            faults(&["email", "version"])["problem"],
            "validation-failed"
        );
    }

    /// Else the alert of a form would be empty.
    #[test]
    fn the_errors_of_a_form_list_each_field() {
        let macros = include_str!("../../templates/macros.html");
        for field in FIELDS {
            assert!(macros.contains(&format!("[\"{field}\", ")), "{field}");
        }
    }
}
