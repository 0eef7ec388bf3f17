//! The page of the console about the signing keys.

use axum::response::Html;
use doorward_domain::model::SigningKey;
use minijinja::context;

use crate::html::console::{AdminCaller, ConsoleSection};
use crate::html::dates::moment;
use crate::http::problem::Problem;

/// The keys, newest first, and when the next one is created.
pub(crate) async fn keys(caller: AdminCaller) -> Result<Html<String>, Problem> {
    let doorward = caller.doorward();
    let keys = doorward.keys.list().await?;
    let row = |key: &SigningKey| {
        context! {
            kid => &key.kid,
            created => moment(key.created_at),
            retired => key.retired_at.map(moment),
        }
    };
    let next = keys.first();
    let next = next.and_then(|key| {
        let end = key.created_at.checked_add(doorward.policy().key_lifetime);
        end.ok()
    });
    let values = context! {
        keys => keys.iter().map(row).collect::<Vec<_>>(),
        next => next.map(moment),
    };
    Ok(caller.render(ConsoleSection::Keys, "keys/console", values))
}
