//! The built-in inbox: mail that stays on this machine, so that links can be clicked with nothing
//! else installed. It is there only on loopback with no SMTP configured.

use std::net::IpAddr;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::response::Html;

use crate::app::App;
use crate::problem::{Code, Problem};

/// The mails, newest first.
pub(crate) async fn inbox(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Html<String>, Problem> {
    let inbox = app.inbox.as_ref().filter(|_| is_for_this_machine(&headers));
    let inbox = inbox.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(app.pages.inbox(&inbox.list()))
}

/// Whether the request names this machine as its browser sees it. A page elsewhere that has bent its
/// own name to this address (DNS rebinding), or a proxy in front, names another.
fn is_for_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else {
        return true;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}
