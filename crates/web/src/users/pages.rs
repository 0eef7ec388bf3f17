//! The start page with a session.

use axum::response::Html;
use doorward_domain::model::{Role, User};
use doorward_domain::values::{EmailAddress, Locale, Name, Username};
use minijinja::context;

use crate::html::{Pages, display_name};

/// The start page with a session: the user's data and actions.
pub(crate) fn signed_in_home(pages: &Pages, locale: Locale, user: &User) -> Html<String> {
    let data = user.data.as_map();
    let values = context! {
        title => display_name(user),
        username => user.username.as_ref().map(Username::as_str),
        email => user.email.as_ref().map(EmailAddress::as_str),
        pending_email => user.pending_address().map(EmailAddress::as_str),
        name => user.name.as_ref().map(Name::as_str),
        is_admin => user.role == Role::Admin,
        since => user.created_at.strftime("%Y-%m-%d").to_string(),
        data => (!data.is_empty()).then(|| serde_json::to_string_pretty(data).unwrap_or_default()),
    };
    pages.render(locale, "users/home", values)
}
