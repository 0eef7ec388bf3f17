//! The cancel button of the confirmation page (a form cannot send `DELETE`), and the form that requests the mail
//! again.

use axum::extract::{Path, State};
use axum::response::Html;

use crate::api::confirmation::read_token;
use crate::app::App;
use crate::guard::Caller;
use crate::pages::form::Form;
use crate::problem::Problem;

/// The form that requests a confirmation mail.
pub(crate) async fn ask(State(app): State<App>, caller: Caller) -> Html<String> {
    app.pages
        .ask_confirmation(caller.locale(), &Form::default())
}

/// Cancels the confirmation (“this wasn't me”).
pub(crate) async fn cancel_confirmation(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Html<String>, Problem> {
    app.accounts
        .cancel_confirmation(caller.ctx(), &read_token(&token)?)
        .await?;
    Ok(app.pages.confirmation_cancelled(caller.locale()))
}
