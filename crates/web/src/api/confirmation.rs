//! `/confirmation`: the address a link was mailed to becomes the account's.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use doorward_domain::values::{EmailAddress, Password, Token};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::users::user_response;
use crate::app::App;
use crate::body::Fields;
use crate::guard::Caller;
use crate::pages::form::Form;
use crate::pages::way_back::WayBack;
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
            .mail_requested(caller.ctx().client.locale, app.inbox.is_some());
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
    let (form, sheet) = (Form::of(&fields), caller.sheet());
    let asked = async {
        Ok(app
            .accounts
            .request_confirmation(caller.ctx(), &read_email(fields)?)
            .await?)
    };
    match asked.await {
        Err(problem) if caller.wants_html() => {
            let page = app.pages.ask_confirmation(sheet, &form.refused(&problem));
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
    let user = app
        .accounts
        .view_confirmation(caller.ctx(), &read_token(&token)?)
        .await?;
    if caller.wants_html() {
        let asks = app.accounts.confirmation_asks(&user).await?;
        let page = app
            .pages
            .confirm(caller.sheet(), &user, asks, &token, &Form::default());
        return Ok(page.into_response());
    }
    Ok(Json(Message {
        message: "POST to this URL to confirm the address.",
    })
    .into_response())
}

/// A body is needed only where the operator has set `confirmation.ask_password`, or where more sign-ups claim
/// the address than it is mailed for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Confirmation, example = json!({"password": "three boats on a lake"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmationBody {
    /// The password that was chosen at sign-up.
    #[schema(format = Password, max_length = 256)]
    password: Option<String>,
}

fn read_password(fields: Option<Fields>) -> Result<Option<Password>, Problem> {
    let Some(mut fields) = fields else {
        return Ok(None);
    };
    let password = fields.optional("password", Password::parse);
    fields.finish(|| Some(password))
}

/// Confirms the address. The same again while the link lives.
#[utoipa::path(post, path = "/confirmation/{token}", tag = "Account", request_body = Option<ConfirmationBody>, params(("token" = String, Path, description = "The link's secret")),
    responses((status = 200, description = "The user", body = UserView)))]
pub(crate) async fn confirm(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
    headers: HeaderMap,
    fields: Option<Fields>,
) -> Result<Response, Problem> {
    let secret = read_token(&token)?;
    let confirmed = match read_password(fields) {
        Ok(password) => app
            .accounts
            .confirm_with_password(caller.ctx(), &secret, password.as_ref())
            .await
            .map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    let user = match confirmed {
        Ok(user) => user,
        // A person gets the form back with what is wrong, and the link still works.
        Err(problem) if caller.wants_html() && problem.code != Code::LinkExpired => {
            let user = app
                .accounts
                .view_confirmation(caller.ctx(), &secret)
                .await?;
            let form = Form::default().refused(&problem);
            let asks = app.accounts.confirmation_asks(&user).await?;
            let page = app
                .pages
                .confirm(caller.sheet(), &user, asks, &token, &form);
            return Err(problem.on_page(page));
        }
        Err(problem) => return Err(problem),
    };
    if caller.wants_html() {
        let way_back = WayBack::of_cookie(&headers, &app.choices.return_origins);
        let locale = caller.ctx().client.locale;
        let page = app.pages.confirmed(locale, &user, way_back.as_ref());
        let mut response = page.into_response();
        if way_back.is_some() {
            WayBack::forget(response.headers_mut());
        }
        return Ok(response);
    }
    Ok(user_response(StatusCode::OK, &user))
}

/// “This wasn't me”: takes the claim to the address away. A user who was never confirmed is deleted.
#[utoipa::path(delete, path = "/confirmation/{token}", tag = "Account", params(("token" = String, Path, description = "The link's secret")),
    responses((status = 204, description = "The address is free again")))]
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
