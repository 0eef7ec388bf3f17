//! The pages of the built-in inbox, for development and tests without a mail server. They exist only with no
//! mail server configured, on loopback or in a demo.

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderValue, X_FRAME_OPTIONS};
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::values::Locale;
use minijinja::value::Serde;
use minijinja::{Value, context};

use crate::app::App;
use crate::http::cookies;
use crate::http::problem::{Code, Problem};
use crate::http::responses::see_other;
use crate::inbox::api::{is_key, require_inbox};
use crate::inbox_source::InboxEntry;

/// The policy of a mail in its frame. It runs no script, and its links open in the whole window.
const FRAME_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'none'; frame-ancestors 'self'; sandbox allow-same-origin allow-top-navigation-by-user-activation",
);
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("SAMEORIGIN");

/// The mails, newest first. In a demo, `?key=` sets the cookie that opens the inbox, and leads to the page without the key.
pub(crate) async fn inbox(State(app): State<App>, request: Parts) -> Result<Response, Problem> {
    let query = request.uri.query().unwrap_or_default();
    if let Some(key) = query.strip_prefix("key=")
        && is_key(&app, key)
    {
        let mut response = see_other("/inbox");
        cookies::set_inbox_cookie(response.headers_mut(), key);
        return Ok(response);
    }
    let inbox = require_inbox(&app, &request)?;
    let values = context! { mails => Value::from(Serde(inbox.list())) };
    let page = app.pages.render(Locale::En, "inbox/inbox", values);
    Ok(page.into_response())
}

/// Deletes all mails.
pub(crate) async fn clear(State(app): State<App>, request: Parts) -> Result<Response, Problem> {
    require_inbox(&app, &request)?.clear();
    Ok(see_other("/inbox"))
}

/// A mail, as HTML in a frame or, with `?text`, as text.
pub(crate) async fn mail(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Parts,
) -> Result<Response, Problem> {
    let mail = find(&app, &request, &id)?;
    let values = context! { mail => Value::from(Serde(mail)), is_text => request.uri.query() == Some("text") };
    let page = app.pages.render(Locale::En, "inbox/mail", values);
    let policy = app.page_policy.to_str().unwrap_or_default();
    let policy = HeaderValue::from_str(&format!("{policy}; frame-src 'self'"));
    let policy = policy.map_err(|_| Problem::new(Code::InternalError))?;
    Ok(([(CONTENT_SECURITY_POLICY, policy)], page).into_response())
}

/// The HTML part of a mail, for the frame.
pub(crate) async fn html_part(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Parts,
) -> Result<Response, Problem> {
    let mail = find(&app, &request, &id)?;
    let html = mail
        .html
        .replacen("<head>", "<head><base target=\"_top\">", 1);
    let headers = [
        (CONTENT_SECURITY_POLICY, FRAME_POLICY),
        (X_FRAME_OPTIONS, SAME_ORIGIN),
    ];
    Ok((headers, Html(html)).into_response())
}

fn find(app: &App, request: &Parts, id: &str) -> Result<InboxEntry, Problem> {
    let mails = require_inbox(app, request)?.list();
    let found = mails.into_iter().find(|mail| mail.id.to_string() == id);
    found.ok_or_else(|| Problem::new(Code::NotFound))
}
