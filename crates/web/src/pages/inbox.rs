//! The built-in inbox: mail that stays on this machine, so that links can be clicked with nothing
//! else installed. It is there only on loopback with no SMTP configured.

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
