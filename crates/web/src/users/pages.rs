//! The overview of the account area.

use axum::extract::State;
use axum::response::Html;
use doorward_domain::model::Role;
use doorward_domain::values::{EmailAddress, Name, Username};
use minijinja::context;

use crate::app::App;
use crate::html::account::{AccountCaller, Section};
use crate::html::dates::moment;
use crate::http::problem::Problem;

/// The overview: names, devices, the last sign-in, and what the user should do.
pub(crate) async fn account_page(
    State(app): State<App>,
    caller: AccountCaller,
) -> Result<Html<String>, Problem> {
    let (ctx, session) = (&caller.ctx, caller.session());
    let viewed = app.doorward.profile.view_in_session(ctx, session, "me");
    let viewed = viewed.await?;
    let factors = app.doorward.factors.list(ctx, "me").await?;
    let devices = app.doorward.sessions.list(ctx, "me").await?.len();
    let user = viewed.user;
    let values = context! {
        task => task(factors.recovery_codes),
        name => user.name.as_ref().map(Name::as_str),
        username => user.username.as_ref().map(Username::as_str),
        email => user.email.as_ref().map(EmailAddress::as_str),
        is_admin => user.role == Role::Admin,
        since => moment(user.created_at),
        last_sign_in => viewed.last_sign_in_at.map(moment),
        devices,
        has_factor => factors.recovery_codes.is_some(),
    };
    Ok(caller.render(&app, Section::Overview, "users/account", values))
}

/// At most this many recovery codes are few.
const FEW_CODES: usize = 2;

/// What the user should do: a variant of the message `task`.
fn task(recovery_codes: Option<usize>) -> Option<&'static str> {
    match recovery_codes {
        None => Some("add-factor"),
        Some(left) if left <= FEW_CODES => Some("renew-codes"),
        Some(_) => None,
    }
}
