//! The page that changes the email address, sends the mail about a pending change again, and cancels that change.

use axum::response::{Html, Response};
use doorward_domain::Error;
use doorward_domain::values::EmailAddress;
use minijinja::{Value, context};

use crate::email::api;
use crate::html::account::{AccountCaller, Section};
use crate::html::form::Form;
use crate::html::outcome::{self, Outcome};
use crate::html::sign_in_name;
use crate::http::body::Fields;
use crate::http::problem::Problem;
use crate::http::responses::see_other;

/// The page.
const PAGE: &str = Section::Email.path();

/// The address, a pending change, and the form to change it.
pub(crate) async fn email_page(caller: AccountCaller, outcome: Outcome) -> Html<String> {
    let done = outcome.one_of(&["sent", "sent-again", "cancelled", "confirmed"]);
    page(&caller, &Form::default(), done).await
}

async fn page(caller: &AccountCaller, form: &Form, done: Option<&str>) -> Html<String> {
    let user = caller.session().user();
    let values = context! {
        email => user.email.as_ref().map(EmailAddress::as_str),
        pending => user.pending_address().map(EmailAddress::as_str),
        username => sign_in_name(user),
        needs_code => caller.needs_code().await,
        form => Value::from(form),
        done,
    };
    caller.render(Section::Email, "email/email", values)
}

/// Starts a change.
pub(crate) async fn change(caller: AccountCaller, fields: Fields) -> Result<Response, Problem> {
    let form = Form::from_fields(&fields);
    match api::start_change(&caller, "me", fields, None).await {
        Ok(()) => Ok(outcome::redirect("/account/email?sent")),
        Err(problem) => Err(rejected(&caller, form, problem).await),
    }
}

/// Sends the mail of the pending change again.
pub(crate) async fn send_again(caller: AccountCaller) -> Result<Response, Problem> {
    let Some(pending) = caller.session().user().pending_address() else {
        return Ok(see_other(PAGE));
    };
    let service = &caller.doorward().confirmation;
    match service
        .request_confirmation(&caller.ctx, pending, None)
        .await
    {
        Ok(()) => Ok(outcome::redirect("/account/email?sent-again")),
        Err(error) => Err(rejected(&caller, Form::default(), error.into()).await),
    }
}

/// Cancels the pending change. If it is confirmed already, the page shows the new address.
pub(crate) async fn cancel(caller: AccountCaller) -> Result<Response, Problem> {
    let service = &caller.doorward().email_change;
    match service.cancel_change(&caller.ctx, "me", None).await {
        Ok(()) => Ok(outcome::redirect("/account/email?cancelled")),
        Err(Error::NotFound) => Ok(see_other(PAGE)),
        Err(error) => Err(error.into()),
    }
}

/// Shows the problem on the page.
async fn rejected(caller: &AccountCaller, form: Form, problem: Problem) -> Problem {
    let form = form
        .with_errors(&problem)
        .with_wrong_password_at("password");
    let page = page(caller, &form, None).await;
    problem.on_page(page)
}
