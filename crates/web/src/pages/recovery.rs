//! Where somebody goes who has lost the password.

use axum::extract::State;
use axum::response::{Html, Redirect};

use crate::app::App;
use crate::guard::Caller;

/// The form that asks for the address.
pub(crate) async fn ask(State(app): State<App>, caller: Caller) -> Html<String> {
    app.pages.ask_recovery(caller.ctx().client.locale)
}

/// Where password managers look for the page that changes a password (W3C, “A Well-Known URL for
/// Changing Passwords”).
pub(crate) async fn change_password() -> Redirect {
    Redirect::to("/recovery")
}
