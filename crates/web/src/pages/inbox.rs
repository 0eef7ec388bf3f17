//! The page of the built-in inbox, for development and tests without a mail server. It exists only on loopback
//! with no mail server configured.

use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Html;

use crate::api::inbox::inbox_of;
use crate::app::App;
use crate::problem::Problem;

/// The mails, newest first.
pub(crate) async fn inbox(State(app): State<App>, asked: Parts) -> Result<Html<String>, Problem> {
    let inbox = inbox_of(&app, &asked)?;
    Ok(app.pages.inbox(&inbox.list()))
}
