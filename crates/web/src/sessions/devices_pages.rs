//! The devices of the signed-in user: a list of the sessions, which can be ended.

use std::cmp::Reverse;

use axum::extract::Path;
use axum::response::{Html, Response};
use doorward_domain::model::Session;
use doorward_domain::{Ctx, Error};
use minijinja::{Value, context};

use crate::html::account::{AccountCaller, Section};
use crate::html::dates::{ago, moment};
use crate::html::outcome::{self, Outcome};
use crate::html::places::client;
use crate::http::problem::Problem;

/// The page, after one session was ended.
const ONE_ENDED: &str = "/account/devices?signed-out";
/// The page, after all other sessions were ended.
const OTHERS_ENDED: &str = "/account/devices?others-signed-out";

/// The list, the device of the request first.
pub(crate) async fn devices_page(
    caller: AccountCaller,
    outcome: Outcome,
) -> Result<Html<String>, Problem> {
    let mut sessions = caller.doorward().sessions.list(&caller.ctx, "me").await?;
    let current = caller.session().session().id;
    sessions.sort_by_key(|session| (session.id != current, Reverse(session.last_seen_at)));
    let device = |session| device(&caller.ctx, session);
    let values = context! {
        devices => sessions.iter().map(device).collect::<Vec<_>>(),
        done => outcome.one_of(&["signed-out", "others-signed-out"]),
    };
    Ok(caller.render(Section::Devices, "sessions/devices", values))
}

fn device(ctx: &Ctx, session: &Session) -> Value {
    context! {
        id => session.id.to_string(),
        is_current => ctx.actor.session_id() == Some(session.id),
        client => client(ctx, session.user_agent.as_deref(), session.address),
        active => ago(session.last_seen_at, ctx.now),
        signed_in => moment(session.created_at),
    }
}

/// Ends one session. If it has ended already, such as by the same form sent twice, nothing is left to do.
pub(crate) async fn sign_out_one(
    caller: AccountCaller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let sessions = &caller.doorward().sessions;
    match sessions.revoke(&caller.ctx, "me", &id).await {
        Ok(()) | Err(Error::NotFound) => Ok(outcome::redirect(ONE_ENDED)),
        Err(error) => Err(error.into()),
    }
}

/// Asks whether to end all other sessions.
pub(crate) async fn confirm_sign_out_others(caller: AccountCaller) -> Html<String> {
    let template = "sessions/sign-out-others";
    caller.render(Section::Devices, template, context! {})
}

/// Ends all other sessions.
pub(crate) async fn sign_out_others(caller: AccountCaller) -> Result<Response, Problem> {
    let sessions = &caller.doorward().sessions;
    sessions.revoke_others(&caller.ctx).await?;
    Ok(outcome::redirect(OTHERS_ENDED))
}
