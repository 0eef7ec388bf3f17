//! The page of the console that sends a link to set a new password.

use axum::extract::Path;
use axum::response::Response;
use doorward_domain::model::User;
use doorward_domain::values::EmailAddress;

use crate::html::confirmation::{AdminAct, SentAct};
use crate::html::console::{AdminCaller, can_recover, done, user_path};
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
    let act = |user: &User| user.email.as_ref().filter(|_| can_recover(user)).map(act);
    caller.confirm_if(&named, act).await
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
    match service.request(&caller.ctx, address, Some(user.id)).await {
        Ok(()) => Ok(done(&named, "recovery-sent")),
        Err(error) => {
            let (act, sent) = (act(address), SentAct::new(None));
            Err(caller.rejected_for(&user, &act, sent, error.into()).await)
        }
    }
}
