//! Forms that are shown again with what was entered and its errors.
//!
//! A handler creates a [`Form`] before it reads the body, and shows the page again with it. The messages
//! `fault-…` and `form-problem` have a variant for each code.

use std::collections::BTreeMap;

use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;

use crate::http::body::Fields;
use crate::http::problem::{Code, Problem};

/// All fields of all forms. Templates find each of them in every form.
const FIELDS: &[&str] = &[
    "username",
    "email",
    "password",
    "current_password",
    "new_password",
];
/// Fields that are shown again with their value. Never a password.
const SHOWN: &[&str] = &["username", "email"];

/// An empty form, or one with entered values and errors.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Form {
    /// Problem code of the form as a whole.
    problem: Option<&'static str>,
    /// Seconds to wait before the next attempt.
    wait: Option<u64>,
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
            problem: None,
            wait: None,
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
        let mut form = Self::default();
        for name in SHOWN {
            if let Some(field) = form.fields.get_mut(name) {
                field.value = fields.peek(name).unwrap_or_default().to_owned();
            }
        }
        form
    }

    /// Adds the errors of a problem: at their fields, else above the form.
    pub(crate) fn with_errors(mut self, problem: &Problem) -> Self {
        self.wait = problem.retry_after.map(|wait| wait.as_secs().max(1));
        let is_shown = match problem.code {
            Code::UsernameTaken => self.fault("username", "taken"),
            Code::EmailTaken => self.fault("email", "taken"),
            // Errors of other fields are shown above the form.
            _ => problem
                .errors
                .iter()
                .fold(!problem.errors.is_empty(), |all_shown, error| {
                    self.fault(&error.field, error.invalid.code) && all_shown
                }),
        };
        if !is_shown {
            self.problem = Some(problem.code.as_str());
        }
        self
    }

    fn fault(&mut self, name: &str, code: &'static str) -> bool {
        match self.fields.get_mut(name) {
            Some(field) => {
                field.fault = Some(code);
                true
            }
            None => false,
        }
    }

    /// Moves an error of `email` to `username`, for pages with one field for both.
    pub(crate) fn with_one_name(mut self) -> Self {
        let fault = self.fields.get("email").and_then(|field| field.fault);
        if let Some(fault) = fault {
            self.fault("username", fault);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use doorward_domain::FieldError;
    use doorward_domain::values::Invalid;

    use super::*;

    fn refused(problem: &Problem) -> serde_json::Value {
        serde_json::to_value(Form::default().with_errors(problem)).unwrap()
    }

    #[test]
    fn a_fault_stands_at_its_field_and_all_else_above_the_form() {
        let taken = refused(&Problem::new(Code::UsernameTaken));
        assert_eq!(
            (&taken["username"]["fault"], &taken["problem"]),
            (&"taken".into(), &serde_json::Value::Null)
        );
        let wrong = refused(&Problem::new(Code::InvalidCredentials));
        assert_eq!(wrong["problem"], "invalid-credentials");
        let faults = |names: &[&str]| {
            let errors = names
                .iter()
                .map(|name| FieldError::new(*name, Invalid::new("invalid", "It is.")))
                .collect();
            refused(&Problem::invalid(errors))
        };
        assert!(faults(&["email", "password"])["problem"].is_null());
        assert_eq!(
            faults(&["email", "password"])["password"]["fault"],
            "invalid"
        );
        assert_eq!(faults(&["email", "role"])["problem"], "validation-failed");
    }
}
