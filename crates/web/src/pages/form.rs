//! Forms that go back to the person: what they typed, and what is wrong with it.
//!
//! A refused form in a browser is not a dead end. The handler keeps a [`Form`] before it reads the
//! body, and gives the page back with it; the problem's code decides the sentence, which stands in
//! the templates, in the person's language.

use std::collections::BTreeMap;

use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;

use crate::body::Fields;
use crate::problem::{Code, Problem};

/// Every field that a form of ours has. Templates find each of them in every form.
const FIELDS: &[&str] = &[
    "username",
    "email",
    "password",
    "current_password",
    "new_password",
];
/// What is written back into the form. Never a password.
const SHOWN: &[&str] = &["username", "email"];

/// A form as it stands: empty, or given back.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Form {
    /// What is wrong with it as a whole.
    problem: Option<&'static str>,
    /// How many seconds to wait before it is worth another try.
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
    /// What the person typed.
    pub(crate) fn of(fields: &Fields) -> Self {
        let mut form = Self::default();
        for name in SHOWN {
            if let Some(field) = form.fields.get_mut(name) {
                field.value = fields.peek(name).unwrap_or_default().to_owned();
            }
        }
        form
    }

    /// The same with what is wrong: at the field where there is one, else above the form.
    pub(crate) fn refused(mut self, problem: &Problem) -> Self {
        self.wait = problem.retry_after.map(|wait| wait.as_secs().max(1));
        let is_told = match problem.code {
            Code::UsernameTaken => self.fault("username", "taken"),
            Code::EmailTaken => self.fault("email", "taken"),
            // Every fault is told, or the form as a whole says that something is wrong.
            _ => problem
                .errors
                .iter()
                .fold(!problem.errors.is_empty(), |told, error| {
                    self.fault(&error.field, error.invalid.code) && told
                }),
        };
        if !is_told {
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

    /// The page has one field for both names, which may be either: what is wrong with one of them
    /// is wrong with that field.
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
        serde_json::to_value(Form::default().refused(problem)).unwrap()
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
