//! `GET /inbox.json`: the mails that stayed on this machine, for the tests of other projects.
//!
//! Who may read it is decided here for the page as well: whoever sits at this machine, where mail
//! goes nowhere else.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::Uri;
use axum::http::header::{FORWARDED, HOST};
use axum::http::request::Parts;
use doorward_domain::values::{EmailAddress, Invalid};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};
use utoipa::ToSchema;

use crate::api::paging::{Query, whole_number};
use crate::app::App;
use crate::host::is_loopback_authority;
use crate::inbox::{Inbox, InboxMail};
use crate::problem::{Code, Problem};
use crate::trusted_proxies::address_of;

/// The longest anybody waits for a mail, in seconds.
const MAX_WAIT: u64 = 10;
/// The largest whole number that every reader of JSON keeps.
const MAX_ID: u64 = (1 << 53) - 1;

/// The mails of the built-in inbox.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InboxMails {
    /// Newest first.
    items: Vec<InboxMailView>,
}

/// A mail that stayed on this machine.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InboxMail)]
pub(crate) struct InboxMailView {
    /// Counts up; `after` takes it.
    #[schema(minimum = 1, example = 1)]
    id: u64,
    /// Whom it went to.
    #[schema(format = Email, example = "ben@example.com")]
    to: String,
    /// Its subject.
    subject: String,
    /// The plain text.
    text: String,
    /// The link it is about; empty where it has none.
    #[schema(example = "http://localhost:8000/confirmation/…")]
    url: String,
    /// When it was sent.
    #[schema(format = DateTime, example = "2026-11-21T08:00:00Z")]
    at: String,
}

impl From<InboxMail> for InboxMailView {
    fn from(mail: InboxMail) -> Self {
        Self {
            id: mail.id,
            to: mail.to,
            subject: mail.subject,
            text: mail.text,
            url: mail.url,
            at: mail.at,
        }
    }
}

/// Reads the built-in inbox, newest mail first. It is there where the server listens on loopback and
/// sends no mail, for tests and development; a request must name this machine in `Host`, and a proxy
/// in front no client elsewhere.
#[utoipa::path(get, path = "/inbox.json", tag = "Operations",
    params(
        ("to" = Option<String>, Query, description = "Only mails to this address, whatever its letter case", format = Email, max_length = 254),
        ("after" = Option<u64>, Query, description = "Only mails with a greater id", minimum = 0, maximum = 9_007_199_254_740_991_u64),
        ("wait" = Option<u64>, Query, description = "Wait so many seconds, 0 to 10, until there is one", minimum = 0, maximum = 10)),
    responses((status = 200, description = "The mails", body = InboxMails)))]
pub(crate) async fn list_inbox(
    State(app): State<App>,
    asked: Parts,
) -> Result<Json<InboxMails>, Problem> {
    let inbox = inbox_of(&app, &asked)?;
    let (wanted, wait) = read(&asked.uri)?;
    let until = Instant::now() + wait;
    let mut seen = 0;
    loop {
        let mut mails = inbox.list();
        mails.retain(|mail| wanted.has(mail));
        if mails.is_empty()
            && let Ok(Some(last)) = timeout_at(until, inbox.newer_than(seen)).await
        {
            seen = last;
            continue;
        }
        let items = mails.into_iter().map(InboxMailView::from).collect();
        return Ok(Json(InboxMails { items }));
    }
}

/// The inbox, for whoever may see it.
pub(crate) fn inbox_of<'a>(app: &'a App, asked: &Parts) -> Result<&'a dyn Inbox, Problem> {
    let inbox = app.inbox.as_deref();
    inbox
        .filter(|_| names_this_machine(asked) && sits_here(asked))
        .ok_or_else(|| Problem::new(Code::NotFound))
}

/// Whether the request names this machine as its browser sees it. A page elsewhere that has bent its
/// own name to this address (DNS rebinding), or a proxy that hands `Host` on, names another. One that
/// names nothing, or nothing that can be read, is not known to name this machine.
fn names_this_machine(asked: &Parts) -> bool {
    let of_header = asked.headers.get_all(HOST).into_iter();
    let of_header = of_header.map(|host| host.to_str().unwrap_or_default());
    // HTTP/2 has it there.
    let of_uri = asked.uri.authority().map(http::uri::Authority::as_str);
    let mut named = of_header.chain(of_uri).peekable();
    named.peek().is_some() && named.all(is_loopback_authority)
}

/// Whether the client sits at this machine: the peer, and everybody for whom a proxy says it speaks.
/// Here any proxy is believed, since what it says can only shut the door.
fn sits_here(asked: &Parts) -> bool {
    let peer = asked.extensions.get::<ConnectInfo<SocketAddr>>();
    let is_here = peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback());
    let names = ["x-forwarded-for", "x-real-ip"];
    let mut spoken_for = names
        .iter()
        .flat_map(|name| asked.headers.get_all(*name))
        .flat_map(|field| field.to_str().unwrap_or("unreadable").split(','));
    is_here
        && !asked.headers.contains_key(FORWARDED)
        && spoken_for.all(|hop| address_of(hop).is_some_and(|hop| hop.is_loopback()))
}

/// Which mails.
struct Wanted {
    to: Option<EmailAddress>,
    after: u64,
}

impl Wanted {
    fn has(&self, mail: &InboxMail) -> bool {
        let is_theirs = |wanted: &EmailAddress| {
            EmailAddress::parse(&mail.to).is_ok_and(|to| to.key() == wanted.key())
        };
        mail.id > self.after && self.to.as_ref().is_none_or(is_theirs)
    }
}

fn read(uri: &Uri) -> Result<(Wanted, Duration), Problem> {
    let mut query = Query::parse(uri.query())?;
    let wanted = Wanted {
        // Empty would be everybody's mail, and is what a script's lost variable makes of it.
        to: query.filled("to", |text| EmailAddress::parse(&text.replace(' ', "+"))),
        after: query
            .optional("after", |text| number(text, MAX_ID))
            .unwrap_or(0),
    };
    let wait = query.optional("wait", |text| number(text, MAX_WAIT));
    query.finish()?;
    Ok((wanted, Duration::from_secs(wait.unwrap_or(0))))
}

fn number(text: &str, most: u64) -> Result<u64, Invalid> {
    whole_number(text, 0..=most)
        .ok_or_else(|| Invalid::new("out-of-range", format!("A whole number from 0 to {most}.")))
}
