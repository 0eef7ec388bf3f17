//! The page of the stored data: what is stored and how long, and the download.

use axum::response::Html;
use jiff::SignedDuration;
use minijinja::context;

use crate::html::account::{AccountCaller, Section};
use crate::http::problem::Problem;

/// What is stored. Applications' `data` is shown here only.
pub(crate) async fn data_page(caller: AccountCaller) -> Result<Html<String>, Problem> {
    let (ctx, session) = (&caller.ctx, caller.session());
    let profile = &caller.doorward().profile;
    let viewed = profile.view_in_session(ctx, session, "me");
    let data = viewed.await?.user.data;
    let data = Some(data.as_map()).filter(|map| !map.is_empty());
    let policy = caller.doorward().policy();
    let days = |period: SignedDuration| period.as_hours() / 24;
    let values = context! {
        data => data.and_then(|map| serde_json::to_string_pretty(map).ok()),
        session_days => days(policy.session_absolute_lifetime),
        activity_days => policy.audit_retention.map(days),
    };
    Ok(caller.render(Section::Data, "users/data", values))
}
