//! `/confirmation`: the address a link was mailed to becomes the account's.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::model::User;
use doorward_domain::values::{EmailAddress, Token};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::passwords::shown_password;
use crate::api::users::user_response;
use crate::app::App;
use crate::body::Fields;
use crate::guard::Caller;
use crate::pages::form::Form;
use crate::pages::return_to::ReturnTo;
use crate::problem::{Code, Problem};
use crate::views::{Message, UserView};

/// Where the mail goes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailRequest, example = json!({"email": "ben@example.com"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct MailRequestBody {
    /// Any address; the answer is the same whatever is known of it.
    #[schema(format = Email, max_length = 254)]
    email: String,
}

/// Reads a body of one address.
pub(crate) fn read_email(mut fields: Fields) -> Result<EmailAddress, Problem> {
    let email = fields.required("email", EmailAddress::parse);
    fields.finish(|| email)
}

/// The one answer to everybody who asks for a mail.
pub(crate) fn mail_requested(app: &App, caller: &Caller) -> Response {
    if caller.wants_html() {
        let page = app
            .pages
            .mail_requested(caller.locale(), app.inbox.is_some());
        return (StatusCode::ACCEPTED, page).into_response();
    }
    StatusCode::ACCEPTED.into_response()
}

/// Reads the secret of a link; what cannot be one is no such thing.
pub(crate) fn read_token(text: &str) -> Result<Token, Problem> {
    Token::parse(text).ok_or_else(|| Problem::new(Code::NotFound))
}

/// Sends the confirmation again, where the address has one to give.
#[utoipa::path(post, path = "/confirmation", tag = "Account", request_body = MailRequestBody, responses((status = 202, description = "Taken, whatever is known of the address")))]
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

/// Shows what the link would confirm. A GET changes nothing, since mail scanners follow links.
#[utoipa::path(get, path = "/confirmation/{token}", tag = "Account", params(("token" = String, Path, description = "The link's secret")),
    responses((status = 200, description = "The link lives; `POST` it to confirm", body = Message)))]
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

/// Confirms the address. Repeating it returns the same while the link is valid.
#[utoipa::path(post, path = "/confirmation/{token}", tag = "Account", request_body = Option<ConfirmationBody>, params(("token" = String, Path, description = "The link's secret")),
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
        // A person gets the form back with what is wrong, and the link still works.
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
    let password = shown_password(fields)?;
    Ok(app
        .accounts
        .confirm_with_password(caller.ctx(), &token, password.as_ref())
        .await?)
}

/// The page after it, which goes on to where its reader was going before the sign-up.
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

/// “This wasn't me”: removes the pending account, or the pending address of an active one.
#[utoipa::path(delete, path = "/confirmation/{token}", tag = "Account", params(("token" = String, Path, description = "The link's secret")),
    responses((status = 204, description = "The address is removed")))]
pub(crate) async fn disown(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<StatusCode, Problem> {
    app.accounts
        .disown(caller.ctx(), &read_token(&token)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
