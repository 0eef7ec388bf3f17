//! The overview of the account area.

use axum::response::Html;
use doorward_domain::error::chain;
use doorward_domain::factors::FEW_RECOVERY_CODES;
use doorward_domain::model::User;
use doorward_domain::users::Activity;
use doorward_domain::values::{EmailAddress, Name, Role, Username};
use doorward_domain::{Ctx, Error};
use minijinja::{Value, context};

use crate::html::account::{AccountCaller, Section};
use crate::html::dates::moment;
use crate::html::places::client;
use crate::http::problem::Problem;

/// The overview: names, devices, the last sign-in but this one, and what the user should do.
pub(crate) async fn account_page(caller: AccountCaller) -> Result<Html<String>, Problem> {
    let (ctx, session) = (&caller.ctx, caller.session());
    let doorward = caller.doorward();
    let other = panel(doorward.activity.other_sign_in(session).await)?;
    let factors = panel(doorward.factors.list(ctx, "me").await)?;
    let devices = panel(doorward.sessions.list(ctx, "me").await)?;
    let user = session.user();
    let values = context! {
        tasks => factors.as_ref().map(|factors| tasks(user, factors.recovery_codes)),
        name => user.name.as_ref().map(Name::as_str),
        username => user.username.as_ref().map(Username::as_str),
        email => user.email.as_ref().map(EmailAddress::as_str),
        is_admin => user.role == Role::Admin,
        has_console => user.role == Role::Admin && caller.is_console_open(),
        since => moment(user.created_at),
        is_incomplete => other.is_none() || factors.is_none() || devices.is_none(),
        other_sign_in => other.flatten().map(|activity| sign_in(ctx, &activity)),
        devices => devices.map(|devices| devices.len()),
        has_factor => factors.map(|factors| factors.recovery_codes.is_some()),
    };
    Ok(caller.render(Section::Overview, "users/overview", values))
}

/// When and where a sign-in was.
fn sign_in(ctx: &Ctx, activity: &Activity) -> Value {
    context! {
        at => moment(activity.at),
        client => client(ctx, activity.user_agent.as_deref(), activity.address),
    }
}

/// What a panel shows; `None` if the store does not respond. The page then has its other panels.
fn panel<T>(read: Result<T, Error>) -> Result<Option<T>, Problem> {
    match read {
        Err(Error::Store(error)) => {
            tracing::warn!(error = %chain(&error), "failed to read a panel of the account page");
            Ok(None)
        }
        read => Ok(Some(read?)),
    }
}

/// What the user should do: variants of the message `task`, with the page for it.
fn tasks(user: &User, recovery_codes: Option<usize>) -> Vec<Value> {
    let has_address = user.email.is_some() || user.pending_email.is_some();
    let has_few_codes = recovery_codes.is_some_and(|left| left <= FEW_RECOVERY_CODES);
    let (email, factors) = (Section::Email.path(), Section::Factors.path());
    let all = [
        ("confirm-email", email, user.pending_email.is_some()),
        ("add-email", email, !has_address),
        ("add-factor", factors, recovery_codes.is_none()),
        ("renew-codes", factors, has_few_codes),
    ];
    let due = all.into_iter().filter(|(_, _, is_due)| *is_due);
    due.map(|(name, path, _)| context! { name, path }).collect()
}
