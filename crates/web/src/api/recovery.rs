//! `/recovery`: sets a new password with a mailed link.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::values::Secret;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::confirmation::{MailRequestBody, mail_requested, read_email, read_token};
use crate::app::App;
use crate::body::Fields;
use crate::guard::Caller;
use crate::json::Json;
use crate::pages::form::Form;
use crate::problem::{Code, Problem};
use crate::views::Message;

/// The password.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Recovery, example = json!({"new_password": "four boats on a lake"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct RecoveryBody {
    /// The new password.
    #[schema(format = Password, min_length = 8, max_length = 256)]
    new_password: String,
}

/// Mails a recovery link, if the address belongs to an account.
#[utoipa::path(post, path = "/recovery", tag = "Account", request_body = MailRequestBody, responses((status = 202, description = "Accepted, whether or not the address is known")))]
pub(crate) async fn request_recovery(
    State(app): State<App>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, Problem> {
    let (form, locale) = (Form::of(&fields), caller.locale());
    let asked = async {
        Ok(app
            .accounts
            .request_recovery(caller.ctx(), &read_email(fields)?)
            .await?)
    };
    match asked.await {
        Err(problem) if caller.wants_html() => {
            let page = app.pages.ask_recovery(locale, &form.refused(&problem));
            Err(Problem::on_page(problem, page))
        }
        outcome => outcome.map(|()| mail_requested(&app, &caller)),
    }
}

/// The page that the link opens, with its form.
pub(crate) async fn page(
    app: &App,
    caller: &Caller,
    token: &str,
    form: &Form,
) -> Result<Html<String>, Problem> {
    let user = app
        .accounts
        .view_recovery(caller.ctx(), &read_token(token)?)
        .await?;
    Ok(app.pages.recover(caller.locale(), &user, token, form))
}

/// Returns whether the link is valid.
#[utoipa::path(get, path = "/recovery/{token}", tag = "Account", params(("token" = String, Path, description = "The token of the link")),
    responses((status = 200, description = "The link is valid; `POST` a new password to it", body = Message)))]
pub(crate) async fn view_recovery(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    if caller.wants_html() {
        let page = page(&app, &caller, &token, &Form::default()).await?;
        return Ok(page.into_response());
    }
    app.accounts
        .view_recovery(caller.ctx(), &read_token(&token)?)
        .await?;
    Ok(Json(Message {
        message: "POST `new_password` to this URL to set it.",
    })
    .into_response())
}

/// Sets the new password, once. Every session ends, and a notice is mailed.
#[utoipa::path(post, path = "/recovery/{token}", tag = "Account", request_body = RecoveryBody, params(("token" = String, Path, description = "The token of the link")),
    responses((status = 204, description = "Changed")))]
pub(crate) async fn recover(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Response, Problem> {
    match recover_by(&app, &caller, &token, fields).await {
        Ok(()) if caller.wants_html() => {
            let page = app.pages.recovered(caller.locale());
            Ok(page.into_response())
        }
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        // The form is shown again with its errors; the link stays valid.
        Err(problem) if caller.wants_html() && problem.code != Code::LinkExpired => {
            let form = Form::default().refused(&problem);
            Err(problem.on_page(page(&app, &caller, &token, &form).await?))
        }
        Err(problem) => Err(problem),
    }
}

async fn recover_by(
    app: &App,
    caller: &Caller,
    token: &str,
    mut fields: Fields,
) -> Result<(), Problem> {
    let token = read_token(token)?;
    let new = fields.required("new_password", |text| Ok(Secret::new(text.to_owned())));
    let new = fields.finish(|| new)?;
    Ok(app.accounts.recover(caller.ctx(), &token, &new).await?)
}
