//! The pages of the console about the signing keys.

use axum::http::Uri;
use axum::response::{Html, Response};
use doorward_domain::access::Action;
use doorward_domain::keys::KeyUse;
use minijinja::{Value, context};

use super::api;
use crate::html::confirmation::SentAct;
use crate::html::console::{AdminCaller, ConsoleSection};
use crate::html::dates::moment;
use crate::html::form::Form;
use crate::html::outcome::{self, Outcome};
use crate::http::body::Fields;
use crate::http::paging::Query;
use crate::http::problem::Problem;

/// What the list confirms.
const ROTATED: &str = "rotated";

/// The keys, newest first, with their age and use, and when the next one is created.
pub(crate) async fn keys(
    caller: AdminCaller,
    outcome: Outcome,
    uri: Uri,
) -> Result<Html<String>, Problem> {
    let mut query = Query::parse(uri.query())?;
    let done = outcome.done(&mut query, &[ROTATED]);
    query.finish()?;
    let doorward = caller.doorward();
    let keys = doorward.keys.view(&caller.ctx).await?;
    let now = caller.ctx.now;
    let row = |key_use: &KeyUse| {
        let key = &key_use.key;
        context! {
            kid => &key.kid,
            created => moment(key.created_at),
            days => now.duration_since(key.created_at).as_hours() / 24,
            signs_sessions => key_use.signs_sessions,
            signs_audience_tokens => key_use.signs_audience_tokens,
            verifies_until => key_use.verifies_until.map(moment),
        }
    };
    let next = keys.first();
    let next = next.and_then(|newest| {
        let created_at = newest.key.created_at;
        created_at.checked_add(doorward.policy().key_lifetime).ok()
    });
    let values = context! {
        keys => keys.iter().map(row).collect::<Vec<_>>(),
        next => next.map(moment),
        done,
    };
    Ok(caller.render(ConsoleSection::Keys, "keys/console", values))
}

/// Asks whether to create a new key.
pub(crate) async fn confirm_rotation(caller: AdminCaller) -> Result<Html<String>, Problem> {
    caller.authorize(Action::RotateKeys).await?;
    Ok(rotation_page(&caller, &Form::default()).await)
}

/// Creates a new key.
pub(crate) async fn rotate(
    caller: AdminCaller,
    fields: Option<Fields>,
) -> Result<Response, Problem> {
    let sent = SentAct::new(fields.as_ref());
    let Err(problem) = api::rotate(&caller, fields).await else {
        let path = ConsoleSection::Keys.path();
        return Ok(outcome::redirect(&format!("{path}?done={ROTATED}")));
    };
    match sent.again(&problem) {
        Some(form) => Err(problem.on_page(rotation_page(&caller, &form).await)),
        None => Err(problem),
    }
}

async fn rotation_page(caller: &AdminCaller, form: &Form) -> Html<String> {
    let values = context! {
        form => Value::from(form),
        ..caller.proof_fields(true).await
    };
    caller.render(ConsoleSection::Keys, "keys/console-rotate", values)
}
