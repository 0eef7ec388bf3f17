//! The sign-up form of the start page, and the page after it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::model::{Status, User};
use doorward_domain::values::{EmailAddress, Locale};
use minijinja::context;

use crate::app::App;
use crate::html::form::Form;
use crate::html::return_to::{ReturnTo, sign_in_path};
use crate::html::{Pages, display_name};
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::sign_in::welcome::{WelcomeForms, welcome};
use crate::sign_up::api::create;

/// Shows the result page, or the form with its errors and what was entered.
pub(crate) async fn create_user(
    State(app): State<App>,
    caller: Caller,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let (form, pages, locale) = (Form::from_fields(&fields), &app.pages, caller.locale());
    let return_to = ReturnTo::take_from_form(&mut fields, &app.options.return_origins);
    match create(&app, &caller, fields).await {
        Ok(user) => {
            let page = signed_up(pages, locale, &user, return_to.as_ref());
            let mut response = (StatusCode::CREATED, page).into_response();
            if let (Some(return_to), Some(_)) = (&return_to, &user.pending_email) {
                return_to.set_cookie(response.headers_mut());
            }
            Ok(response)
        }
        Err(problem) => {
            let forms = WelcomeForms {
                sign_up: form.with_errors(&problem),
                return_to,
                ..WelcomeForms::default()
            };
            Err(problem.on_page(welcome(pages, locale, &forms)))
        }
    }
}

/// The page after a sign-up.
fn signed_up(
    pages: &Pages,
    locale: Locale,
    user: &User,
    return_to: Option<&ReturnTo>,
) -> Html<String> {
    let values = context! {
        name => display_name(user),
        email => user.pending_address().map(EmailAddress::as_str),
        is_active => user.status == Status::Active,
        sign_in => sign_in_path(return_to),
    };
    pages.render(locale, "sign_up/signed-up", values)
}
