//! The page after a sign-up.

use axum::response::Html;
use doorward_domain::model::{Status, User};
use doorward_domain::values::{EmailAddress, Locale};
use minijinja::context;

use crate::html::return_to::{ReturnTo, sign_in_path};
use crate::html::{Pages, display_name};

/// The page after a sign-up.
pub(crate) fn signed_up(
    pages: &Pages,
    locale: Locale,
    user: &User,
    return_to: Option<&ReturnTo>,
) -> Html<String> {
    let values = context! {
        name => display_name(user),
        email => user.pending_address().map(EmailAddress::as_str),
        is_active => user.status == Status::Active,
        sign_in => sign_in_path(return_to),
    };
    pages.render(locale, "sign_up/signed-up", values)
}
