//! The pages of the console that change the address of a user, cancel a change, and send the mail about a pending address again.

use axum::extract::Path;
use axum::response::{Html, Response};
use doorward_domain::Error;
use doorward_domain::model::User;
use doorward_domain::values::EmailAddress;
use minijinja::{Value, context};

use crate::email::api;
use crate::html::confirmation::{AdminAct, SentAct};
use crate::html::console::{
    AdminCaller, ConsoleSection, confirmable_address, done, requested_address, user_path,
};
use crate::html::display_name;
use crate::html::form::Form;
use crate::http::body::Fields;
use crate::http::problem::Problem;
use crate::http::responses::see_other;

fn act(address: &EmailAddress) -> AdminAct {
    AdminAct::new("send-confirmation", "confirmation").about(Some(address.as_str()))
}

/// Asks whether to send it. The page of the user, if no confirmation can be sent.
pub(crate) async fn confirm(
    caller: AdminCaller,
    Path(named): Path<String>,
) -> Result<Response, Problem> {
    let act = |user: &User| confirmable_address(user).map(act);
    caller.confirm_if(&named, act).await
}

/// Sends it, as `POST /confirmation` does.
pub(crate) async fn send(
    caller: AdminCaller,
    Path(named): Path<String>,
) -> Result<Response, Problem> {
    let user = caller.view(&named).await?.user;
    let Some(address) = confirmable_address(&user) else {
        return Ok(see_other(&user_path(&named)));
    };
    let service = &caller.doorward().confirmation;
    let sent = service.request_confirmation(&caller.ctx, address, Some(user.id));
    match sent.await {
        Ok(()) => Ok(done(&named, "confirmation-sent")),
        Err(error) => {
            let (act, sent) = (act(address), SentAct::new(None));
            Err(caller.rejected_for(&user, &act, sent, error.into()).await)
        }
    }
}

fn cancel_act(address: &EmailAddress) -> AdminAct {
    AdminAct::new("cancel-change", "cancel-email-change").about(Some(address.as_str()))
}

/// Asks whether to cancel a change. The page of the user, if none is pending.
pub(crate) async fn confirm_cancelling(
    caller: AdminCaller,
    Path(named): Path<String>,
) -> Result<Response, Problem> {
    let act = |user: &User| requested_address(user).map(cancel_act);
    caller.confirm_if(&named, act).await
}

/// Cancels a change. If it is confirmed already, the page of the user shows the new address.
pub(crate) async fn cancel(
    caller: AdminCaller,
    Path(named): Path<String>,
) -> Result<Response, Problem> {
    let user = caller.view(&named).await?.user;
    if requested_address(&user).is_none() {
        return Ok(see_other(&user_path(&named)));
    }
    let service = &caller.doorward().email_change;
    match service.cancel_change(&caller.ctx, &named, None).await {
        Ok(()) => Ok(done(&named, "change-cancelled")),
        Err(Error::NotFound) => Ok(see_other(&user_path(&named))),
        Err(error) => Err(error.into()),
    }
}

/// The form for another address.
pub(crate) async fn change_page(
    caller: AdminCaller,
    Path(named): Path<String>,
) -> Result<Html<String>, Problem> {
    let user = caller.view(&named).await?.user;
    Ok(form_page(&caller, &user, &Form::default()).await)
}

/// Starts the change: the new address is confirmed by the link that is sent to it.
pub(crate) async fn change(
    caller: AdminCaller,
    Path(named): Path<String>,
    fields: Fields,
) -> Result<Response, Problem> {
    let sent = SentAct::new(Some(&fields));
    let Err(problem) = api::start_change(&caller, &named, fields, None).await else {
        return Ok(done(&named, "change-requested"));
    };
    let Some(form) = sent.again(&problem) else {
        return Err(problem);
    };
    let user = caller.view(&named).await?.user;
    Err(problem.on_page(form_page(&caller, &user, &form).await))
}

async fn form_page(caller: &AdminCaller, user: &User, form: &Form) -> Html<String> {
    let values = context! {
        page => user_path(&user.id.to_string()),
        subject => display_name(user),
        email => user.email.as_ref().map(EmailAddress::as_str),
        form => Value::from(form),
        ..caller.proof_fields(true).await
    };
    caller.render(ConsoleSection::Users, "email/console-change", values)
}
