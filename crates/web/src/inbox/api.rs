//! `GET /inbox.json`: the built-in inbox, for tests of other projects.
//!
//! Access to the inbox, the page included, is limited here: to clients on this machine, or in a demo (`serve --demo`) to
//! those with its key.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{ConnectInfo, State};
use axum::http::Uri;
use axum::http::request::Parts;
use doorward_domain::values::{Digest, EmailAddress, Invalid};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};
use utoipa::ToSchema;

use crate::app::App;
use crate::http::cookies;
use crate::http::host::{is_forwarded, is_loopback_authority, requested_hosts};
use crate::http::json::Json;
use crate::http::paging::{Query, whole_number};
use crate::http::problem::{Code, Problem};
use crate::inbox_source::{InboxEntry, InboxSource};

/// Maximum time to wait for a mail, in seconds.
const MAX_WAIT: u64 = 10;
/// Largest integer that all JSON parsers represent exactly.
const MAX_ID: u64 = (1 << 53) - 1;

/// The mails of the built-in inbox.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InboxMails {
    /// Newest first.
    items: Vec<InboxEntry>,
}

/// Returns the mails of the built-in inbox, newest first. The inbox exists for tests and development: if the
/// server listens on loopback only and no mail server is configured. `Host` must be this machine, and the request must
/// have no header of a proxy, such as `X-Forwarded-For`. In a demo (`doorward serve --demo`) it requires the cookie that
/// the printed link sets, instead.
#[utoipa::path(get, path = "/inbox.json", tag = "Operations",
    params(
        ("to" = Option<String>, Query, description = "Mails to this address; letter case is ignored", format = Email, max_length = 254),
        ("after" = Option<u64>, Query, description = "Mails with a greater id", minimum = 0, maximum = 9_007_199_254_740_991_u64),
        ("wait" = Option<u64>, Query, description = "Seconds to wait for a mail, 0 to 10", minimum = 0, maximum = 10)),
    responses((status = 200, description = "The mails", body = InboxMails)))]
pub(crate) async fn list_inbox(
    State(app): State<App>,
    request: Parts,
) -> Result<Json<InboxMails>, Problem> {
    let inbox = require_inbox(&app, &request)?;
    let (filter, wait) = read(&request.uri)?;
    let until = Instant::now() + wait;
    let mut seen = 0;
    loop {
        let mut items = inbox.list();
        items.retain(|mail| filter.matches(mail));
        if items.is_empty()
            && let Ok(Some(last)) = timeout_at(until, inbox.newer_than(seen)).await
        {
            seen = last;
            continue;
        }
        return Ok(Json(InboxMails { items }));
    }
}

/// Returns the inbox to a client that may read it; 404 otherwise.
pub(crate) fn require_inbox<'a>(
    app: &'a App,
    request: &Parts,
) -> Result<&'a dyn InboxSource, Problem> {
    let is_allowed = match app.options.inbox_key {
        Some(_) => cookies::inbox_key(&request.headers).is_some_and(|key| is_key(app, key)),
        None => has_loopback_host(request) && is_local_client(request),
    };
    let inbox = app.inbox.as_deref();
    inbox
        .filter(|_| is_allowed)
        .ok_or_else(|| Problem::new(Code::NotFound))
}

/// Returns `true` for the key of the inbox. Digests are compared, so that the time reveals nothing about the key.
pub(crate) fn is_key(app: &App, given: &str) -> bool {
    let key = app.options.inbox_key;
    key.is_some_and(|key| key == Digest::of(given.as_bytes()))
}

/// Returns `true` if the request names this machine as its host. With DNS rebinding, or behind a proxy that
/// forwards `Host`, a request names another one.
fn has_loopback_host(request: &Parts) -> bool {
    let mut hosts = requested_hosts(request).peekable();
    hosts.peek().is_some() && hosts.all(is_loopback_authority)
}

/// Returns `true` if the peer is on this machine and the request has no header of a proxy. Any proxy is trusted here, since
/// its headers can only deny access.
fn is_local_client(request: &Parts) -> bool {
    let peer = request.extensions.get::<ConnectInfo<SocketAddr>>();
    let is_local_peer =
        peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback());
    is_local_peer && !is_forwarded(&request.headers)
}

/// Selects mails.
struct InboxFilter {
    to: Option<EmailAddress>,
    after: u64,
}

impl InboxFilter {
    fn matches(&self, mail: &InboxEntry) -> bool {
        let has_address = |address: &EmailAddress| {
            EmailAddress::parse(&mail.to).is_ok_and(|to| to.key() == address.key())
        };
        mail.id > self.after && self.to.as_ref().is_none_or(has_address)
    }
}

fn read(uri: &Uri) -> Result<(InboxFilter, Duration), Problem> {
    let mut query = Query::parse(uri.query())?;
    let filter = InboxFilter {
        // An empty value, such as that of an unset variable in a script, must not select all mails.
        to: query.filled("to", |text| EmailAddress::parse(&text.replace(' ', "+"))),
        after: query
            .optional("after", |text| number(text, MAX_ID))
            .unwrap_or(0),
    };
    let wait = query.optional("wait", |text| number(text, MAX_WAIT));
    query.finish()?;
    Ok((filter, Duration::from_secs(wait.unwrap_or(0))))
}

fn number(text: &str, most: u64) -> Result<u64, Invalid> {
    whole_number(text, 0..=most).ok_or_else(|| {
        Invalid::new(
            "out-of-range",
            format!("Must be a whole number from 0 to {most}."),
        )
    })
}
