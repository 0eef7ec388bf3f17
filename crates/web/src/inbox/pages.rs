//! The page of the built-in inbox, for development and tests without a mail server. It exists only on loopback
//! with no mail server configured.

use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Html;
use doorward_domain::values::Locale;
use minijinja::value::Serde;
use minijinja::{Value, context};

use crate::app::App;
use crate::http::problem::Problem;
use crate::inbox::api::require_inbox;

/// The mails, newest first.
pub(crate) async fn inbox(State(app): State<App>, request: Parts) -> Result<Html<String>, Problem> {
    let inbox = require_inbox(&app, &request)?;
    let values = context! { mails => Value::from(Serde(inbox.list())) };
    Ok(app.pages.render(Locale::En, "inbox/inbox", values))
}
