//! The page that changes the password of the signed-in user.

use axum::extract::RawQuery;
use axum::http::HeaderMap;
use axum::response::{Html, Response};
use minijinja::{Value, context};

use crate::html::account::{AccountCaller, Section};
use crate::html::form::Form;
use crate::html::outcome::{self, Outcome};
use crate::html::redirect::from_former_path;
use crate::html::sign_in_name;
use crate::http::body::Fields;
use crate::http::problem::Problem;
use crate::http::responses::see_other;
use crate::passwords::api::change;

/// The page, after the password was changed.
const CHANGED: &str = "/account/password?changed";

/// The former path of the page. For browsers only.
#[utoipa::path(get, path = "/password", tag = "Pages", responses((status = 303, description = "To the page `/account/password`"), (status = 200, description = "That page, for a client that follows redirects", body = String, content_type = "text/html")))]
pub(crate) async fn former_password_page(
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    from_former_path(&headers, query.as_deref(), Section::Password.path())
}

/// Where password managers look for the page that changes a password (W3C, “A Well-Known URL for
/// Changing Passwords”).
pub(crate) async fn well_known() -> Response {
    see_other(Section::Password.path())
}

/// The form. A link in the list of activities leads to it after something that the user has not done (`?not-me`).
pub(crate) async fn password_page(
    caller: AccountCaller,
    outcome: Outcome,
    RawQuery(query): RawQuery,
) -> Html<String> {
    let done = match query.as_deref() {
        Some("not-me") => Some("not-me"),
        _ => outcome.one_of(&["changed"]),
    };
    page(&caller, &Form::default(), done).await
}

/// Changes the password. The redirect has the cookies of the new token.
pub(crate) async fn change_password(
    caller: AccountCaller,
    fields: Fields,
) -> Result<Response, Problem> {
    let form = Form::from_fields(&fields);
    match change(&caller, fields, None).await {
        Ok(cookies) => {
            let mut response = see_other(CHANGED);
            response.headers_mut().extend(cookies);
            outcome::set(response.headers_mut(), CHANGED);
            Ok(response)
        }
        Err(problem) => {
            let form = form.with_errors(&problem);
            let form = form.with_wrong_password_at("current_password");
            Err(problem.on_page(page(&caller, &form, None).await))
        }
    }
}

/// The form. It asks for a code if a proof needs one.
async fn page(caller: &AccountCaller, form: &Form, done: Option<&str>) -> Html<String> {
    let values = context! {
        needs_code => caller.needs_code().await,
        username => sign_in_name(caller.session().user()),
        form => Value::from(form),
        done,
    };
    caller.render(Section::Password, "passwords/password", values)
}
