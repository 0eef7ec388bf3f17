//! The account page of a signed-in user.

use std::cmp::Reverse;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use doorward_domain::model::{Role, Session};
use doorward_domain::user_agent::program_of;
use doorward_domain::values::{EmailAddress, Name, SessionId, Username};
use jiff::Timestamp;
use minijinja::{Value, context};

use crate::app::App;
use crate::html::display_name;
use crate::html::return_to::{ReturnTo, sign_in_path};
use crate::http::caller::Caller;
use crate::http::origins::Origins;
use crate::http::problem::Problem;
use crate::http::responses::see_other;

/// The account: the user's names and devices, and links to what can be changed. A browser without a session is redirected to
/// the sign-in page.
pub(crate) async fn account_page(
    State(app): State<App>,
    caller: Caller,
) -> Result<Response, Problem> {
    let Some(session) = caller.session() else {
        let return_to = ReturnTo::parse("/account", &Origins::default());
        return Ok(see_other(&sign_in_path(return_to.as_ref())));
    };
    let (user, current) = (session.user(), session.session().id);
    let has_factor = app.doorward.factors.has_factor(&caller.ctx).await?;
    let mut sessions = app.doorward.sessions.list(&caller.ctx, "me").await?;
    sessions.sort_by_key(|session| (session.id != current, Reverse(session.last_seen_at)));
    let devices = sessions.iter().map(|session| device(session, current));
    let values = context! {
        title => display_name(user),
        username => user.username.as_ref().map(Username::as_str),
        email => user.email.as_ref().map(EmailAddress::as_str),
        pending_email => user.pending_address().map(EmailAddress::as_str),
        name => user.name.as_ref().map(Name::as_str),
        is_admin => user.role == Role::Admin,
        since => date(user.created_at),
        has_factor,
        devices => devices.collect::<Vec<_>>(),
    };
    let page = app.pages.render(caller.locale(), "users/account", values);
    Ok(page.into_response())
}

fn device(session: &Session, current: SessionId) -> Value {
    context! {
        program => program_of(session.user_agent.as_deref()),
        address => session.address.map(|address| address.to_string()),
        last_seen => date(session.last_seen_at),
        is_current => session.id == current,
    }
}

fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}
