//! The built-in inbox: mail that stays on this machine, so that links can be clicked with nothing
//! else installed. It is there only on loopback with no SMTP configured.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Html;

use crate::api::inbox::inbox_of;
use crate::app::App;
use crate::problem::Problem;

/// The mails, newest first.
pub(crate) async fn inbox(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Html<String>, Problem> {
    let inbox = inbox_of(&app, &uri, &headers)?;
    Ok(app.pages.inbox(&inbox.list()))
}
