//! The start page without a session: the sign-in and sign-up forms.

use axum::response::Html;
use doorward_domain::values::Locale;
use minijinja::{Value, context};

use crate::html::Pages;
use crate::html::form::Form;
use crate::html::return_to::ReturnTo;

/// The two forms of the start page, and the target of their redirect.
#[derive(Debug, Default)]
pub(crate) struct WelcomeForms {
    pub(crate) sign_in: Form,
    pub(crate) sign_up: Form,
    pub(crate) return_to: Option<ReturnTo>,
}

/// The start page without a session.
pub(crate) fn welcome(pages: &Pages, locale: Locale, forms: &WelcomeForms) -> Html<String> {
    let values = context! {
        sign_in => Value::from(&forms.sign_in),
        sign_up => Value::from(&forms.sign_up),
        return_to => forms.return_to.as_ref().map(ReturnTo::as_str),
    };
    pages.render(locale, "sign_in/welcome", values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::{Code, Problem};

    #[test]
    fn a_rejected_form_shows_every_problem() {
        let [pages, with_inbox] = [false, true].map(|has_inbox| Pages::new(12, has_inbox));
        let forms = WelcomeForms::default();
        for locale in Locale::ALL {
            let empty = welcome(&pages, locale, &forms).0;
            assert!(
                empty.contains("minlength=\"12\"")
                    && !empty.contains("role=\"alert\"")
                    && !empty.contains("/inbox"),
                "{empty}"
            );
            for code in Code::ALL {
                let form = Form::default().with_errors(&Problem::new(*code));
                let forms = WelcomeForms {
                    sign_in: form,
                    ..WelcomeForms::default()
                };
                let page = welcome(&with_inbox, locale, &forms).0;
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
