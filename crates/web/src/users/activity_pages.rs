//! The page of the activity: sign-ins and changes, in words.

use axum::http::Uri;
use axum::response::Html;
use doorward_domain::Ctx;
use doorward_domain::model::AuditKind;
use doorward_domain::users::{Activity, ActivityActor};
use doorward_domain::values::AuditEventId;
use minijinja::{Value, context};

use crate::html::account::{AccountCaller, Section};
use crate::html::dates::moment;
use crate::html::places::client;
use crate::http::paging::{Query, take_page};
use crate::http::problem::Problem;

/// Number of entries on a page.
const PAGE_SIZE: usize = 25;

/// The activity, newest first. `cursor` in the query selects an older page.
pub(crate) async fn activity_page(
    caller: AccountCaller,
    uri: Uri,
) -> Result<Html<String>, Problem> {
    let mut query = Query::parse(uri.query())?;
    let before = query.id_cursor(AuditEventId::from_bytes)?;
    query.finish()?;
    let (ctx, activity) = (&caller.ctx, &caller.doorward().activity);
    let mut found = activity.activity(ctx, "me", before, PAGE_SIZE + 1).await?;
    let next = take_page(&mut found, PAGE_SIZE, |activity| *activity.id.as_bytes());
    let item = |activity| item(ctx, activity);
    let values = context! {
        items => found.iter().map(item).collect::<Vec<_>>(),
        is_first => before.is_none(),
        next,
    };
    Ok(caller.render(Section::Activity, "users/activity", values))
}

fn item(ctx: &Ctx, activity: &Activity) -> Value {
    context! {
        event => activity.kind.as_str(),
        has_not_me_link => has_not_me_link(activity),
        actor => activity.actor.as_str(),
        at => moment(activity.at),
        client => client(ctx, activity.user_agent.as_deref(), activity.address),
    }
}

/// Returns `true` if the entry has the link “This wasn't me”: the user did it, or perhaps someone else, and it matters for
/// the security of the account.
fn has_not_me_link(activity: &Activity) -> bool {
    let is_harmless = matches!(
        activity.kind,
        AuditKind::SignUp
            | AuditKind::ConfirmationCancelled
            | AuditKind::SignOut
            | AuditKind::SessionEvicted
            | AuditKind::ProfileUpdated
    );
    let is_by_user = matches!(activity.actor, ActivityActor::User | ActivityActor::Unknown);
    is_by_user && !is_harmless
}
