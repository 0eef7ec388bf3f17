//! `/recovery`: sets a new password with a mailed link.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use doorward_domain::values::Secret;
use minijinja::context;
use serde::Serialize;
use utoipa::ToSchema;

use super::pages;
use crate::app::App;
use crate::html::form::Form;
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::http::links::{MailRequestBody, read_token, request_mail};
use crate::http::params::TokenParam;
use crate::http::problem::{Code, Problem};
use crate::http::responses::Message;

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
    let (service, ctx) = (&app.doorward.recovery, &caller.ctx);
    let request = async |email: &_| service.request(ctx, email).await;
    request_mail(&app, &caller, fields, pages::REQUEST_FORM, request).await
}

/// Returns whether the link is valid.
#[utoipa::path(get, path = "/recovery/{token}", tag = "Account", params(TokenParam),
    responses((status = 200, description = "The link is valid; `POST` a new password to it", body = Message)))]
pub(crate) async fn view_recovery(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    if caller.wants_html {
        let page = pages::recover(&app, &caller, &token, &Form::default()).await?;
        return Ok(page.into_response());
    }
    app.doorward
        .recovery
        .view(&caller.ctx, &read_token(&token)?)
        .await?;
    Ok(Json(Message {
        message: "POST `new_password` to this URL to set it.",
    })
    .into_response())
}

/// Sets the new password, once. Every session ends, and a notice is mailed.
#[utoipa::path(post, path = "/recovery/{token}", tag = "Account", request_body = RecoveryBody, params(TokenParam),
    responses((status = 204, description = "Changed")))]
pub(crate) async fn recover(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Response, Problem> {
    match recover_by(&app, &caller, &token, fields).await {
        Ok(()) if caller.wants_html => {
            let locale = caller.locale();
            let page = app.pages.render(locale, "recovery/recovered", context! {});
            Ok(page.into_response())
        }
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        // The form is shown again with its errors; the link stays valid.
        Err(problem) if caller.wants_html && problem.code != Code::LinkExpired => {
            let form = Form::default().with_errors(&problem);
            Err(problem.on_page(pages::recover(&app, &caller, &token, &form).await?))
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
    Ok(app
        .doorward
        .recovery
        .finish(&caller.ctx, &token, &new)
        .await?)
}
