//! `/confirmation`: confirms the address that the link was mailed to.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use doorward_domain::model::User;
use serde::Serialize;
use utoipa::ToSchema;

use super::pages;
use crate::app::App;
use crate::html::form::Form;
use crate::html::return_to::ReturnTo;
use crate::http::body::{Fields, optional_password};
use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::http::links::{MailRequestBody, read_email, read_token, respond_to_mail_request};
use crate::http::params::TokenParam;
use crate::http::problem::{Code, Problem};
use crate::http::responses::user_response;
use crate::views::{Message, UserView};

/// Sends the confirmation again, if the address has a pending one.
#[utoipa::path(post, path = "/confirmation", tag = "Account", request_body = MailRequestBody, responses((status = 202, description = "Accepted, whether or not the address is known")))]
pub(crate) async fn request_confirmation(
    State(app): State<App>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, Problem> {
    let form = Form::from_fields(&fields);
    let requested = async {
        let email = read_email(fields)?;
        Ok(app
            .doorward
            .email
            .request_confirmation(caller.ctx(), &email)
            .await?)
    };
    respond_to_mail_request(&app, &caller, requested.await, |problem| {
        pages::request_confirmation(&app.pages, caller.locale(), &form.with_errors(problem))
    })
}

/// Shows what the link confirms. A GET changes nothing, since mail scanners follow links.
#[utoipa::path(get, path = "/confirmation/{token}", tag = "Account", params(TokenParam),
    responses((status = 200, description = "The link is valid; `POST` to it to confirm", body = Message)))]
pub(crate) async fn view_confirmation(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    if caller.wants_html() {
        let page = pages::confirm(&app, &caller, &token, &Form::default()).await?;
        return Ok(page.into_response());
    }
    app.doorward
        .email
        .view_confirmation(caller.ctx(), &read_token(&token)?)
        .await?;
    Ok(Json(Message {
        message: "POST to this URL to confirm the address.",
    })
    .into_response())
}

/// A body is needed only if `confirmation.require_password` is set.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Confirmation, example = json!({"password": "three boats on a lake"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmationBody {
    /// The password of the account.
    #[schema(format = Password, max_length = 256)]
    password: Option<String>,
}

/// Confirms the address. Repeating it gives the same response while the link is valid.
#[utoipa::path(post, path = "/confirmation/{token}", tag = "Account", request_body = Option<ConfirmationBody>, params(TokenParam),
    responses((status = 200, description = "The user", body = UserView)))]
pub(crate) async fn confirm(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
    headers: HeaderMap,
    fields: Option<Fields>,
) -> Result<Response, Problem> {
    match confirm_by(&app, &caller, &token, fields).await {
        Ok(user) if caller.wants_html() => Ok(confirmed_page(&app, &caller, &headers, &user)),
        Ok(user) => Ok(user_response(StatusCode::OK, &user)),
        // The form is shown again with its errors; the link stays valid.
        Err(problem) if caller.wants_html() && problem.code != Code::LinkExpired => {
            let form = Form::default().with_errors(&problem);
            Err(problem.on_page(pages::confirm(&app, &caller, &token, &form).await?))
        }
        Err(problem) => Err(problem),
    }
}

async fn confirm_by(
    app: &App,
    caller: &Caller,
    token: &str,
    fields: Option<Fields>,
) -> Result<User, Problem> {
    let token = read_token(token)?;
    let password = optional_password(fields)?;
    Ok(app
        .doorward
        .email
        .confirm_with_password(caller.ctx(), &token, password.as_ref())
        .await?)
}

/// The page after a confirmation. Deletes the cookie of the page that the sign-up came from.
fn confirmed_page(app: &App, caller: &Caller, headers: &HeaderMap, user: &User) -> Response {
    let return_to = ReturnTo::from_cookie(headers, &app.choices.return_origins);
    let page = pages::confirmed(&app.pages, caller.locale(), user, return_to.as_ref());
    let mut response = page.into_response();
    if return_to.is_some() {
        ReturnTo::clear_cookie(response.headers_mut());
    }
    response
}

/// Cancels the confirmation (“this wasn't me”). A pending user is deleted; an active one loses the pending address.
#[utoipa::path(delete, path = "/confirmation/{token}", tag = "Account", params(TokenParam),
    responses((status = 204, description = "Cancelled")))]
pub(crate) async fn cancel_confirmation(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<StatusCode, Problem> {
    app.doorward
        .email
        .cancel_confirmation(caller.ctx(), &read_token(&token)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
