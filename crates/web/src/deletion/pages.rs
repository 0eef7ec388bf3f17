//! The pages that delete the account of the signed-in user, and that keep it. The sign-in page shows a pending deletion.

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::{Html, Response};
use doorward_domain::model::{Purpose, User};
use doorward_domain::values::{DeletionReason, EmailAddress};
use jiff::Timestamp;
use minijinja::{Value, context};

use crate::deletion::api;
use crate::html::account::{AccountCaller, Section};
use crate::html::dates::moment;
use crate::html::form::Form;
use crate::html::return_to::{ReturnTo, sign_in_path};
use crate::html::{sent_to, sign_in_name};
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::cookies::clear_session_cookie;
use crate::http::links::read_token;
use crate::http::problem::{Code, Problem};
use crate::http::responses::see_other;
use crate::sign_in::notice::Notice;

/// What the deletion means, and the form.
pub(crate) async fn delete_page(caller: AccountCaller) -> Html<String> {
    page(&caller, &Form::default()).await
}

/// Requests the deletion, which signs out. The sign-in page then says when the account is deleted, and names the address
/// that got the link.
pub(crate) async fn delete(
    caller: AccountCaller,
    headers: HeaderMap,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let form = Form::from_fields(&fields);
    let (proof, reason) = (fields.required_proof(), api::reason(&mut fields));
    let requested = match fields.finish(|| proof) {
        Ok(proof) => api::request(&caller, "me", Some(proof), reason, None).await,
        Err(problem) => Err(problem),
    };
    match requested {
        Ok(user) => {
            let mut response = signed_out(&user);
            let set = response.headers_mut();
            match &user.email {
                Some(email) if user.deletion.is_some() => sent_to::set(set, email),
                _ => sent_to::clear(&headers, set),
            }
            Ok(response)
        }
        Err(problem) => {
            let form = form
                .with_errors(&problem)
                .with_wrong_password_at("password");
            Err(problem.on_page(page(&caller, &form).await))
        }
    }
}

/// The redirect of someone whose own account was deleted, or will be.
pub(super) fn signed_out(user: &User) -> Response {
    let mut response = Notice::after_deletion(user).redirect(None);
    clear_session_cookie(response.headers_mut());
    response
}

async fn page(caller: &AccountCaller, form: &Form) -> Html<String> {
    let user = caller.session().user();
    let values = context! {
        needs_code => caller.needs_code().await,
        days => caller.doorward().policy().deletion_grace.as_hours() / 24,
        has_email => user.email.is_some(),
        username => sign_in_name(user),
        reasons => DeletionReason::ALL.iter().map(|reason| reason.as_str()).collect::<Vec<_>>(),
        form => Value::from(form),
    };
    caller.render(Section::Delete, "deletion/delete", values)
}

/// The sign-in page, for a browser that loads the rejected form again, such as in another language.
pub(crate) async fn reloaded_form() -> Response {
    see_other("/sign-in")
}

/// Keeps the account whose name and proof the form of the sign-in page has.
pub(crate) async fn keep_account(caller: Caller, mut fields: Fields) -> Result<Response, Problem> {
    let form = Form::from_fields(&fields);
    let return_to = ReturnTo::take_from_form(&mut fields, caller.return_origins());
    let asks_for_code = fields.contains("code");
    let deletion_at = fields.optional("deletion_at", |text| Ok(read_time(text)));
    fields.move_address_to_email();
    let kept = || Notice::Kept.redirect(return_to.as_ref());
    match api::keep(&caller, "me", fields, None).await {
        Ok(_) => Ok(kept()),
        // Kept by another request, such as the first of two clicks.
        Err(problem) if problem.code == Code::NotFound => Ok(kept()),
        Err(problem) => {
            let form = PendingForm {
                asks_for_code: asks_for_code || problem.code == Code::ReauthenticationRequired,
                form: form.with_errors(&problem).with_login_field(),
                deletion_at: problem.deletion_at.or(deletion_at.flatten()),
            };
            Err(pending(&caller, &form, return_to.as_ref(), problem))
        }
    }
}

/// Reads the time of the deletion, which the form repeats: a rejected proof does not reveal it.
fn read_time(seconds: &str) -> Option<Timestamp> {
    Timestamp::from_second(seconds.parse().ok()?).ok()
}

/// The form that keeps an account that will be deleted.
pub(crate) struct PendingForm {
    pub(crate) form: Form,
    /// `true` if the account has a second factor.
    pub(crate) asks_for_code: bool,
    pub(crate) deletion_at: Option<Timestamp>,
}

/// The sign-in page of an account that will be deleted, with that form.
pub(crate) fn pending(
    caller: &Caller,
    pending: &PendingForm,
    return_to: Option<&ReturnTo>,
    problem: Problem,
) -> Problem {
    let values = context! {
        form => Value::from(&pending.form),
        asks_for_code => pending.asks_for_code,
        deletion_at => pending.deletion_at.map(moment),
        deletion_seconds => pending.deletion_at.map(Timestamp::as_second),
        return_to => return_to.map(ReturnTo::as_str),
        sign_in => sign_in_path(return_to),
    };
    let page = caller.render("deletion/pending", values);
    problem.on_page(page)
}

/// The page of the link that keeps the account.
pub(crate) async fn view_deletion_undo(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Html<String>, Problem> {
    let parsed = read_token(&token, Purpose::DeletionUndo)?;
    let service = &caller.doorward().deletion;
    let viewed = service.view_undo(&caller.ctx, &parsed).await;
    let link = viewed.map_err(|error| Problem::from(error).of_link(Purpose::DeletionUndo))?;
    let values = context! {
        email => link.email.as_ref().map(EmailAddress::as_str),
        deletion_at => moment(link.expires_at),
        token,
    };
    Ok(caller.render("deletion/keep-account", values))
}

/// Keeps the account, and redirects to the sign-in page.
pub(crate) async fn undo_deletion(
    caller: Caller,
    token: Path<String>,
) -> Result<Response, Problem> {
    let undone = api::undo_deletion(caller.clone(), token).await;
    undone.map_err(|problem| problem.of_link(Purpose::DeletionUndo))?;
    Ok(Notice::Kept.redirect(None))
}
