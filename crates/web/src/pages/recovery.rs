//! The page that requests a recovery mail.

use axum::extract::State;
use axum::response::Html;

use crate::app::App;
use crate::guard::Caller;
use crate::pages::form::Form;

/// The form that asks for the address.
pub(crate) async fn ask(State(app): State<App>, caller: Caller) -> Html<String> {
    app.pages.ask_recovery(caller.locale(), &Form::default())
}
