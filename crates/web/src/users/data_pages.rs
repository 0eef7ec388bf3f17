//! The page of the stored data: what is stored and how long, and the download.

use axum::response::Html;
use doorward_domain::model::User;
use minijinja::{Value, context};

use crate::html::account::{AccountCaller, Section};
use crate::http::problem::Problem;
use crate::users::retention::{self, Retention, whole_units};

/// What is stored. Applications' `data` is shown here only.
pub(crate) async fn data_page(caller: AccountCaller) -> Result<Html<String>, Problem> {
    let (ctx, session) = (&caller.ctx, caller.session());
    let profile = &caller.doorward().profile;
    let viewed = profile.view_in_session(ctx, session, "me");
    let user = viewed.await?.user;
    let stored = retention::list(caller.doorward().policy()).map(row);
    let values = context! {
        data => data_text(&user),
        stored => stored.to_vec(),
    };
    Ok(caller.render(Section::Data, "users/data", values))
}

/// The `data` of a user as JSON; `None` if there is none.
pub(super) fn data_text(user: &User) -> Option<String> {
    let data = Some(user.data.as_map()).filter(|map| !map.is_empty());
    data.and_then(|map| serde_json::to_string_pretty(map).ok())
}

fn row(row: Retention) -> Value {
    let period = |time| {
        let (count, unit) = whole_units(time);
        context! { count, unit }
    };
    context! {
        category => row.category,
        period => row.period.map(period),
        longest => row.longest.map(period),
    }
}
