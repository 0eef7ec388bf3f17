//! The page of the console that sends the mail about a pending address again.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use doorward_domain::model::User;
use doorward_domain::values::EmailAddress;

use crate::html::confirmation::{AdminAct, SentAct};
use crate::html::console::{AdminCaller, done, user_path};
use crate::html::form::Form;
use crate::http::problem::Problem;
use crate::http::responses::see_other;

fn act(address: &EmailAddress) -> AdminAct {
    AdminAct::new("send-confirmation", "confirmation").about(Some(address.as_str()))
}

/// The address that a confirmation can be sent to. That of an invitation is confirmed by its link.
pub(crate) fn unconfirmed(user: &User) -> Option<&EmailAddress> {
    user.pending_address().filter(|_| !user.is_invited())
}

/// Asks whether to send it. The page of the user, if no address is pending.
pub(crate) async fn confirm(
    caller: AdminCaller,
    Path(named): Path<String>,
) -> Result<Response, Problem> {
    let user = caller.view(&named).await?.user;
    let Some(address) = unconfirmed(&user) else {
        return Ok(see_other(&user_path(&named)));
    };
    let form = Form::default();
    let page = caller.confirmation(&user, &act(address), &form).await;
    Ok(page.into_response())
}

/// Sends it, as `POST /confirmation` does.
pub(crate) async fn send(
    caller: AdminCaller,
    Path(named): Path<String>,
) -> Result<Response, Problem> {
    let user = caller.view(&named).await?.user;
    let Some(address) = unconfirmed(&user) else {
        return Ok(see_other(&user_path(&named)));
    };
    let service = &caller.doorward().email;
    match service.request_confirmation(&caller.ctx, address).await {
        Ok(()) => Ok(done(&named, "confirmation-sent")),
        Err(error) => {
            let sent = SentAct::new(None);
            Err(caller
                .rejected(&named, &act(address), sent, error.into())
                .await)
        }
    }
}
