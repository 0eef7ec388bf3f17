//! Pages of the recovery: the form that requests a mail, and the form that the mailed link opens.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Html;
use minijinja::{Value, context};

use crate::app::App;
use crate::html::form::Form;
use crate::html::{display_name, sign_in_name};
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::links::{done_page, mail_form, mail_requested, read_token};
use crate::http::problem::{Code, Problem};
use crate::recovery::api;

/// Template of the form that requests a mail.
const REQUEST_FORM: &str = "recovery/request-recovery";

/// The form to request a recovery mail. For browsers only.
#[utoipa::path(get, path = "/recovery", tag = "Account", responses((status = 200, description = "A page", body = String, content_type = "text/html")))]
pub(crate) async fn recovery_page(State(app): State<App>, caller: Caller) -> Html<String> {
    mail_form(&app, &caller, REQUEST_FORM, &Form::default())
}

/// Requests the mail.
pub(crate) async fn request_recovery(
    State(app): State<App>,
    caller: Caller,
    fields: Fields,
) -> Result<(StatusCode, Html<String>), Problem> {
    let form = Form::from_fields(&fields);
    let requested = api::request(&app, &caller, fields).await;
    mail_requested(&app, &caller, (REQUEST_FORM, form), requested)
}

/// The page that the link opens.
pub(crate) async fn view_recovery(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Html<String>, Problem> {
    password_form(&app, &caller, &token, &Form::default()).await
}

/// Sets the new password. After an error the form is shown again, and the link stays valid.
pub(crate) async fn recover(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Html<String>, Problem> {
    match api::set_password(&app, &caller, &token, fields).await {
        Ok(()) => Ok(done_page(&app, &caller, "recovery/recovered")),
        Err(problem) if problem.code == Code::LinkExpired => Err(problem),
        Err(problem) => {
            let form = Form::default().with_errors(&problem);
            Err(problem.on_page(password_form(&app, &caller, &token, &form).await?))
        }
    }
}

/// The form for the new password.
async fn password_form(
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
