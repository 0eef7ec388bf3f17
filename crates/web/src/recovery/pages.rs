//! Pages of the recovery: the form that requests a mail, and the form that the mailed link opens.

use axum::extract::State;
use axum::response::Html;
use minijinja::{Value, context};

use crate::app::App;
use crate::html::form::Form;
use crate::html::{display_name, sign_in_name};
use crate::http::caller::Caller;
use crate::http::links::{mail_form, read_token};
use crate::http::problem::Problem;

/// Template of the form that requests a mail.
pub(super) const REQUEST_FORM: &str = "recovery/request-recovery";

/// The form to request a recovery mail. For browsers only.
#[utoipa::path(get, path = "/recovery", tag = "Account", responses((status = 200, description = "A page", body = String, content_type = "text/html")))]
pub(crate) async fn recovery_page(State(app): State<App>, caller: Caller) -> Html<String> {
    mail_form(&app, &caller, REQUEST_FORM, &Form::default())
}

/// The page that the link opens, with its form.
pub(crate) async fn recover(
    app: &App,
    caller: &Caller,
    token: &str,
    form: &Form,
) -> Result<Html<String>, Problem> {
    let user = app
        .doorward
        .recovery
        .view(&caller.ctx, &read_token(token)?)
        .await?;
    let values = context! {
        name => display_name(&user),
        username => sign_in_name(&user),
        form => Value::from(form),
        token,
    };
    Ok(app
        .pages
        .render(caller.locale(), "recovery/recover", values))
}
