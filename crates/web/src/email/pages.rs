//! Pages of email addresses, which mailed links open. The page that sends a confirmation mail again is in `sign_up`.

use axum::extract::{Path, RawQuery};
use axum::http::HeaderMap;
use axum::response::{Html, Response};
use doorward_domain::Error;
use doorward_domain::email::Confirmed;
use doorward_domain::model::{Purpose, Status};
use doorward_domain::values::{EmailAddress, Name, Username};
use minijinja::{Value, context};

use crate::email::api;
use crate::html::dates::moment;
use crate::html::form::Form;
use crate::html::redirect::from_former_path;
use crate::html::return_to::ReturnTo;
use crate::html::sent_to;
use crate::http::body::{Fields, optional_password};
use crate::http::caller::Caller;
use crate::http::cookies;
use crate::http::links::{read_token, undo_page};
use crate::http::problem::Problem;
use crate::sign_in::notice::Notice;
use crate::sign_in::pages::after_sign_up;

/// The page that sends the confirmation mail again.
const REQUEST_PAGE: &str = "/sign-up/sent";

/// The former path of the page that sends the confirmation mail again. For browsers only.
#[utoipa::path(get, path = "/confirmation", tag = "Pages", responses((status = 303, description = "To the page `/sign-up/sent`"), (status = 200, description = "That page, for a client that follows redirects", body = String, content_type = "text/html")))]
pub(crate) async fn former_confirmation_page(
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    from_former_path(&headers, query.as_deref(), REQUEST_PAGE)
}

/// The page that the link opens.
pub(crate) async fn view_confirmation(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Html<String>, Problem> {
    confirmation_form(&caller, &token, &Form::default()).await
}

/// Confirms the address, and signs in the user who has signed up in this browser. After an error the form is shown again,
/// and the link stays valid.
pub(crate) async fn confirm(
    caller: Caller,
    Path(token): Path<String>,
    headers: HeaderMap,
    fields: Option<Fields>,
) -> Result<Response, Problem> {
    match confirm_in_browser(&caller, &headers, &token, fields).await {
        Ok(done) => Ok(confirmed(&caller, &headers, done).await),
        Err(problem) => {
            let form = Form::default().with_errors(&problem);
            let form = form.with_wrong_password_at("password");
            Err(problem.on_page(confirmation_form(&caller, &token, &form).await?))
        }
    }
}

async fn confirm_in_browser(
    caller: &Caller,
    headers: &HeaderMap,
    token: &str,
    fields: Option<Fields>,
) -> Result<Confirmed, Problem> {
    let token = read_token(token, Purpose::Confirmation)?;
    let password = optional_password(fields)?;
    let (password, sign_up) = (password.as_ref(), cookies::sign_up(headers));
    let service = &caller.doorward().confirmation;
    let confirmed = service.confirm_in_browser(&caller.ctx, &token, password, sign_up);
    Ok(confirmed.await?)
}

/// Cancels the confirmation (“this wasn't me”): a form cannot send `DELETE`. The sign-in page is not filled in with the
/// address, with which no one can sign in.
pub(crate) async fn cancel(
    caller: Caller,
    headers: HeaderMap,
    token: Path<String>,
) -> Result<Response, Problem> {
    let cancelled = api::cancel_confirmation(caller.clone(), token).await;
    cancelled.map_err(|problem| problem.of_link(Purpose::Confirmation))?;
    let mut response = Notice::Cancelled.redirect(None);
    sent_to::clear(&headers, response.headers_mut());
    Ok(response)
}

/// The form that confirms the address of a sign-up, the first address of an account, or a new address. If the link has
/// expired, the problem leads to the page that sends a new one.
async fn confirmation_form(
    caller: &Caller,
    token: &str,
    form: &Form,
) -> Result<Html<String>, Problem> {
    let parsed = read_token(token, Purpose::Confirmation)?;
    let service = &caller.doorward().confirmation;
    let viewed = service.view_confirmation(&caller.ctx, &parsed).await;
    let user = viewed.map_err(|error| Problem::from(error).of_link(Purpose::Confirmation))?;
    let pending = user.pending_email.as_ref();
    let requested_at = pending.map(|pending| pending.requested_at);
    let values = context! {
        requires_password => caller.doorward().policy().confirmation_requires_password,
        username => user.username.as_ref().map(Username::as_str),
        name => user.name.as_ref().map(Name::as_str),
        email => user.pending_address().or(user.email.as_ref()).map(EmailAddress::as_str),
        has_email => user.email.is_some(),
        is_new => user.status == Status::Pending,
        is_done => pending.is_none(),
        requested_at => requested_at.map(moment),
        form => Value::from(form),
        token,
    };
    Ok(caller.render("email/confirm", values))
}

/// The response to a confirmation: signed in, or the sign-in page. Both lead to the page that the sign-up came from, and
/// delete its cookie.
async fn confirmed(caller: &Caller, headers: &HeaderMap, done: Confirmed) -> Response {
    let return_to = ReturnTo::from_cookie(headers, caller.return_origins());
    let signed_in = match &done {
        Confirmed::SignUp(sign_up) => {
            after_sign_up(caller, headers, sign_up, return_to.as_ref()).await
        }
        Confirmed::Address(_) | Confirmed::Changed(_) => None,
    };
    let mut response = signed_in.unwrap_or_else(|| to_sign_in(done, return_to.as_ref()));
    if return_to.is_some() {
        ReturnTo::clear_cookie(response.headers_mut());
    }
    response
}

/// Redirects to the sign-in page, which finds the address in a cookie.
fn to_sign_in(done: Confirmed, return_to: Option<&ReturnTo>) -> Response {
    let notice = match &done {
        Confirmed::Changed(_) => Notice::EmailChanged,
        Confirmed::Address(_) | Confirmed::SignUp(_) => Notice::Confirmed,
    };
    let mut response = notice.redirect(return_to);
    if let Some(email) = &done.into_user().email {
        sent_to::set(response.headers_mut(), email);
    }
    response
}

/// The page of the link that undoes a change.
pub(crate) async fn view_email_undo(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Html<String>, Problem> {
    let parsed = read_token(&token, Purpose::EmailUndo)?;
    let service = &caller.doorward().email_undo;
    let viewed = service.view_undo(&caller.ctx, &parsed).await;
    let link = viewed.map_err(|error| Problem::from(error).of_link(Purpose::EmailUndo))?;
    let template = "email/undo-email-change";
    Ok(undo_page(&caller, template, &link, &token))
}

/// Undoes the change, and redirects to the sign-in page, which names the restored address.
pub(crate) async fn undo_email_change(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    let token = read_token(&token, Purpose::EmailUndo)?;
    let service = &caller.doorward().email_undo;
    let undone = async {
        let link = service.view_undo(&caller.ctx, &token).await?;
        let turned_off = service.undo_change(&caller.ctx, &token).await?;
        Ok((link.email, turned_off))
    };
    let undone: Result<_, Error> = undone.await;
    let (email, turned_off) =
        undone.map_err(|error| Problem::from(error).of_link(Purpose::EmailUndo))?;
    let notice = match turned_off {
        true => Notice::EmailAndFactorsUndone,
        false => Notice::EmailUndone,
    };
    let mut response = notice.redirect(None);
    if let Some(email) = &email {
        sent_to::set(response.headers_mut(), email);
    }
    Ok(response)
}
