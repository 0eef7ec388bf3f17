//! The page of the console that sends a link to set a new password.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use doorward_domain::values::EmailAddress;

use crate::html::confirmation::{AdminAct, SentAct};
use crate::html::console::{AdminCaller, can_recover, done, user_path};
use crate::html::form::Form;
use crate::http::problem::Problem;
use crate::http::responses::see_other;

fn act(address: &EmailAddress) -> AdminAct {
    AdminAct::new("send-recovery", "recovery").about(Some(address.as_str()))
}

/// Asks whether to send it. The page of the user, if no link can be sent.
pub(crate) async fn confirm(
    caller: AdminCaller,
    Path(named): Path<String>,
) -> Result<Response, Problem> {
    let user = caller.view(&named).await?.user;
    let Some(address) = user.email.as_ref().filter(|_| can_recover(&user)) else {
        return Ok(see_other(&user_path(&named)));
    };
    let form = Form::default();
    let page = caller.confirmation(&user, &act(address), &form).await;
    Ok(page.into_response())
}

/// Sends it, as `POST /recovery` does. The audit event also names the user.
pub(crate) async fn send(
    caller: AdminCaller,
    Path(named): Path<String>,
) -> Result<Response, Problem> {
    let user = caller.view(&named).await?.user;
    let Some(address) = user.email.as_ref().filter(|_| can_recover(&user)) else {
        return Ok(see_other(&user_path(&named)));
    };
    let service = &caller.doorward().recovery;
    match service.request_for(&caller.ctx, user.id, address).await {
        Ok(()) => Ok(done(&named, "recovery-sent")),
        Err(error) => {
            let (act, sent) = (act(address), SentAct::new(None));
            Err(caller.rejected_for(&user, &act, sent, error.into()).await)
        }
    }
}
