//! The built-in inbox: mail that stays on this machine, so that links can be clicked with nothing
//! else installed. It is there only on loopback with no SMTP configured.

use axum::extract::State;
use axum::response::Html;

use crate::app::App;
use crate::problem::{Code, Problem};

/// The mails, newest first.
pub(crate) async fn inbox(State(app): State<App>) -> Result<Html<String>, Problem> {
    let inbox = app
        .inbox
        .as_ref()
        .ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(app.pages.inbox(&inbox.list()))
}
