//! `/confirmation`: confirms the address that the link was mailed to.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::model::User;
use doorward_domain::values::{EmailAddress, Token};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::passwords::optional_password;
use crate::api::users::user_response;
use crate::app::App;
use crate::body::Fields;
use crate::guard::Caller;
use crate::json::Json;
use crate::pages::form::Form;
use crate::pages::return_to::ReturnTo;
use crate::problem::{Code, Problem};
use crate::views::{Message, UserView};

/// The address that the mail is sent to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailRequest, example = json!({"email": "ben@example.com"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct MailRequestBody {
    /// Any address; the response does not reveal whether it is known.
    #[schema(format = Email, max_length = 254)]
    email: String,
}

/// Reads a body with an address.
pub(crate) fn read_email(mut fields: Fields) -> Result<EmailAddress, Problem> {
    let email = fields.required("email", EmailAddress::parse);
    fields.finish(|| email)
}

/// The response to every request for a mail.
pub(crate) fn mail_requested(app: &App, caller: &Caller) -> Response {
    if caller.wants_html() {
        let page = app
            .pages
            .mail_requested(caller.locale(), app.inbox.is_some());
        return (StatusCode::ACCEPTED, page).into_response();
    }
    StatusCode::ACCEPTED.into_response()
}

/// Reads the token of a link; 404 if it cannot be one.
pub(crate) fn read_token(text: &str) -> Result<Token, Problem> {
    Token::parse(text).ok_or_else(|| Problem::new(Code::NotFound))
}

/// Sends the confirmation again, if the address has a pending one.
#[utoipa::path(post, path = "/confirmation", tag = "Account", request_body = MailRequestBody, responses((status = 202, description = "Accepted, whether or not the address is known")))]
pub(crate) async fn request_confirmation(
    State(app): State<App>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, Problem> {
    let (form, locale) = (Form::of(&fields), caller.locale());
    let asked = async {
        Ok(app
            .accounts
            .request_confirmation(caller.ctx(), &read_email(fields)?)
            .await?)
    };
    match asked.await {
        Err(problem) if caller.wants_html() => {
            let page = app.pages.ask_confirmation(locale, &form.refused(&problem));
            Err(Problem::on_page(problem, page))
        }
        outcome => outcome.map(|()| mail_requested(&app, &caller)),
    }
}

/// Shows what the link confirms. A GET changes nothing, since mail scanners follow links.
#[utoipa::path(get, path = "/confirmation/{token}", tag = "Account", params(("token" = String, Path, description = "The token of the link")),
    responses((status = 200, description = "The link is valid; `POST` to it to confirm", body = Message)))]
pub(crate) async fn view_confirmation(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    if caller.wants_html() {
        let page = page(&app, &caller, &token, &Form::default()).await?;
        return Ok(page.into_response());
    }
    app.accounts
        .view_confirmation(caller.ctx(), &read_token(&token)?)
        .await?;
    Ok(Json(Message {
        message: "POST to this URL to confirm the address.",
    })
    .into_response())
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
        .view_confirmation(caller.ctx(), &read_token(token)?)
        .await?;
    let requires_password = app.accounts.policy().confirmation_requires_password;
    Ok(app
        .pages
        .confirm(caller.locale(), &user, requires_password, token, form))
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
#[utoipa::path(post, path = "/confirmation/{token}", tag = "Account", request_body = Option<ConfirmationBody>, params(("token" = String, Path, description = "The token of the link")),
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
            let form = Form::default().refused(&problem);
            Err(problem.on_page(page(&app, &caller, &token, &form).await?))
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
        .accounts
        .confirm_with_password(caller.ctx(), &token, password.as_ref())
        .await?)
}

/// The page after it, which links to the page that the sign-up came from.
fn confirmed_page(app: &App, caller: &Caller, headers: &HeaderMap, user: &User) -> Response {
    let return_to = ReturnTo::from_cookie(headers, &app.choices.return_origins);
    let locale = caller.locale();
    let page = app.pages.confirmed(locale, user, return_to.as_ref());
    let mut response = page.into_response();
    if return_to.is_some() {
        ReturnTo::clear_cookie(response.headers_mut());
    }
    response
}

/// Cancels the confirmation (“this wasn't me”). A pending user is deleted; an active one loses the pending address.
#[utoipa::path(delete, path = "/confirmation/{token}", tag = "Account", params(("token" = String, Path, description = "The token of the link")),
    responses((status = 204, description = "Cancelled")))]
pub(crate) async fn cancel_confirmation(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<StatusCode, Problem> {
    app.accounts
        .cancel_confirmation(caller.ctx(), &read_token(&token)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
