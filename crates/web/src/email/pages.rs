//! Pages of email addresses, which mailed links open. The page that sends a confirmation mail again is in `sign_up`.

use axum::extract::{Path, RawQuery};
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::model::{Status, User};
use doorward_domain::values::{EmailAddress, Name, Username};
use minijinja::{Value, context};

use crate::email::api;
use crate::html::display_name;
use crate::html::form::Form;
use crate::html::redirect::redirect;
use crate::html::return_to::{ReturnTo, sign_in_path};
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::links::{done_page, read_token, undo_page};
use crate::http::problem::{Code, Problem};

/// The page that sends the confirmation mail again.
const REQUEST_PAGE: &str = "/sign-up/sent";

/// The former path of the page that sends the confirmation mail again. For browsers only.
#[utoipa::path(get, path = "/confirmation", tag = "Account", responses((status = 303, description = "To the page `/sign-up/sent`"), (status = 200, description = "That page, for a client that follows redirects", body = String, content_type = "text/html")))]
pub(crate) async fn former_confirmation_page(
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    redirect(&headers, query.as_deref(), REQUEST_PAGE)
}

/// The page that the link opens.
pub(crate) async fn view_confirmation(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Html<String>, Problem> {
    let page = confirmation_form(&caller, &token, &Form::default()).await;
    page.map_err(|problem| problem.with_next_page(REQUEST_PAGE))
}

/// Confirms the address. After an error the form is shown again, and the link stays valid.
pub(crate) async fn confirm(
    caller: Caller,
    Path(token): Path<String>,
    headers: HeaderMap,
    fields: Option<Fields>,
) -> Result<Response, Problem> {
    match api::confirm_by(&caller, &token, fields).await {
        Ok(user) => Ok(confirmed(&caller, &headers, &user)),
        Err(problem) if problem.code == Code::LinkExpired => {
            Err(problem.with_next_page(REQUEST_PAGE))
        }
        Err(problem) => {
            let form = Form::default().with_errors(&problem);
            Err(problem.on_page(confirmation_form(&caller, &token, &form).await?))
        }
    }
}

/// Cancels the confirmation (“this wasn't me”): a form cannot send `DELETE`.
pub(crate) async fn cancel(caller: Caller, token: Path<String>) -> Result<Html<String>, Problem> {
    api::cancel_confirmation(caller.clone(), token).await?;
    Ok(done_page(&caller, "email/confirmation-cancelled"))
}

/// The form that confirms the address of a sign-up, the first address of an account, or a new address.
async fn confirmation_form(
    caller: &Caller,
    token: &str,
    form: &Form,
) -> Result<Html<String>, Problem> {
    let (link, service) = (read_token(token)?, &caller.doorward().email);
    let user = service.view_confirmation(&caller.ctx, &link).await?;
    let pending = user.pending_email.as_ref();
    let requested_at = pending.map(|pending| pending.requested_at);
    let values = context! {
        requires_password => caller.doorward().policy().confirmation_requires_password,
        username => user.username.as_ref().map(Username::as_str),
        name => user.name.as_ref().map(Name::as_str),
        email => user.pending_address().or(user.email.as_ref()).map(EmailAddress::as_str),
        is_new => user.status == Status::Pending,
        is_done => pending.is_none(),
        requested_at => requested_at.map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        form => Value::from(form),
        token,
    };
    Ok(caller.render("email/confirm", values))
}

/// The page after a confirmation. It links to the page that the sign-up came from, and deletes its cookie.
fn confirmed(caller: &Caller, headers: &HeaderMap, user: &User) -> Response {
    let return_to = ReturnTo::from_cookie(headers, caller.return_origins());
    let sign_in = sign_in_path(return_to.as_ref());
    let values = context! { name => display_name(user), sign_in };
    let mut response = caller.render("email/confirmed", values).into_response();
    if return_to.is_some() {
        ReturnTo::clear_cookie(response.headers_mut());
    }
    response
}

/// The page of the link that undoes a change.
pub(crate) async fn view_email_undo(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Html<String>, Problem> {
    let service = &caller.doorward().email;
    let link = service.view_undo(&caller.ctx, &read_token(&token)?).await?;
    let template = "email/undo-email-change";
    Ok(undo_page(&caller, template, &link, &token))
}

/// Undoes the change.
pub(crate) async fn undo_email_change(
    caller: Caller,
    token: Path<String>,
) -> Result<Html<String>, Problem> {
    api::undo_email_change(caller.clone(), token).await?;
    Ok(done_page(&caller, "email/email-change-undone"))
}
