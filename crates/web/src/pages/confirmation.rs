//! The confirmation page's second button (a form cannot send `DELETE`), and where somebody goes
//! whose confirmation mail is lost.

use axum::extract::{Path, State};
use axum::response::Html;

use crate::api::confirmation::read_token;
use crate::app::App;
use crate::guard::Caller;
use crate::pages::form::Form;
use crate::problem::Problem;

/// The form that asks where the mail shall go once more.
pub(crate) async fn ask(State(app): State<App>, caller: Caller) -> Html<String> {
    app.pages
        .ask_confirmation(caller.locale(), &Form::default())
}

/// “This wasn't me”.
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
