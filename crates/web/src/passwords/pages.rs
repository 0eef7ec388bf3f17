//! The page that changes the password.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{Html, Response};
use doorward_domain::sessions::Authenticated;
use minijinja::{Value, context};

use crate::app::App;
use crate::html::form::Form;
use crate::html::sign_in_name;
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::http::responses::see_other;
use crate::passwords::api::{PasswordBody, change};

/// The form to change the password. For browsers only.
#[utoipa::path(get, path = "/password", tag = "Account", responses((status = 200, description = "A page", body = String, content_type = "text/html")))]
pub(crate) async fn password_page(
    State(app): State<App>,
    caller: Caller,
) -> Result<Html<String>, Problem> {
    page(&app, &caller, &Form::default()).await
}

/// Submits the form to change the password. For browsers only.
#[utoipa::path(post, path = "/password", tag = "Account", request_body = PasswordBody, responses((status = 200, description = "A page", body = String, content_type = "text/html")))]
pub(crate) async fn password_form(
    State(app): State<App>,
    caller: Caller,
    mut fields: Fields,
) -> Result<(HeaderMap, Html<String>), Problem> {
    let form = Form::from_fields(&fields);
    fields.move_address_to_email();
    match change(&app, &caller, fields, None).await {
        Ok(cookies) => {
            let values = context! { is_signed_in => caller.session().is_some() };
            let locale = caller.locale();
            let page = app
                .pages
                .render(locale, "passwords/password-changed", values);
            Ok((cookies, page))
        }
        Err(problem) => {
            let form = form.with_errors(&problem).with_login_field();
            Err(problem.on_page(page(&app, &caller, &form).await?))
        }
    }
}

/// Where password managers look for the page that changes a password (W3C, “A Well-Known URL for
/// Changing Passwords”).
pub(crate) async fn well_known() -> Response {
    see_other("/password")
}

/// The form; without a session it also asks for the username or address. It asks a user with a second factor for a code.
async fn page(app: &App, caller: &Caller, form: &Form) -> Result<Html<String>, Problem> {
    let user = caller.session().map(Authenticated::user);
    let has_factor = app.doorward.factors.has_factor(&caller.ctx).await;
    let has_factor = has_factor.unwrap_or_else(|error| {
        tracing::warn!(%error, "failed to read whether a user has a second factor");
        // The field for a code may stay empty.
        true
    });
    let values = context! {
        is_signed_in => user.is_some(),
        has_factor,
        username => user.and_then(sign_in_name),
        form => Value::from(form),
    };
    Ok(app
        .pages
        .render(caller.locale(), "passwords/password", values))
}
