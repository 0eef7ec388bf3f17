//! How large a request may be, and what becomes of one that is larger (H-04, H-05, H-13).
//!
//! The listener knows what stands on the wire, and says by a [`Refusal`] among the extensions of a
//! request that stands for one it did not hand on. HTTP/2 has no such wire, and is looked at here.
//! Must not know any route beyond its name.

use axum::extract::{MatchedPath, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;

use crate::app::App;
use crate::edge;
use crate::negotiate;
use crate::problem::{Code, Problem};

/// The longest target of a request, in bytes.
pub const MAX_URI_BYTES: usize = 8 * 1024;
/// The most fields of a head.
pub const MAX_FIELDS: usize = 100;
/// How soon one who was turned away may come back.
const COME_BACK_SECONDS: u64 = 1;

/// Why a request was not read; the listener puts it among the extensions of what stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Two readers could take it for two things.
    Malformed,
    /// Its target is too long.
    UriTooLong,
    /// Its head is too large, or has too many fields.
    HeadersTooLarge,
    /// Too much is being asked at once.
    Overloaded,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed => Self::with_detail(
                Code::MalformedRequest,
                "The head of the request could be read in two ways, or not at all.",
            ),
            Refusal::UriTooLong => Self::new(Code::UriTooLong),
            Refusal::HeadersTooLarge => Self::new(Code::HeadersTooLarge),
            Refusal::Overloaded => doorward_domain::Error::Overloaded.into(),
        }
    }
}

/// Refuses what is too large, and who would rather have what there is not.
pub(crate) fn check(request: &Request) -> Result<(), Problem> {
    if let Some(refusal) = request.extensions().get::<Refusal>() {
        return Err((*refusal).into());
    }
    let (uri, fields) = (request.uri(), request.headers());
    if uri
        .path_and_query()
        .is_some_and(|target| target.as_str().len() > MAX_URI_BYTES)
    {
        return Err(Refusal::UriTooLong.into());
    }
    if fields.len() > MAX_FIELDS {
        return Err(Refusal::HeadersTooLarge.into());
    }
    // For a gateway that turns both into `_`, one is the other (H-13).
    if fields.keys().any(|name| name.as_str().contains('_')) {
        return Err(Refusal::Malformed.into());
    }
    let is_ambiguous = fields.get_all(CONTENT_LENGTH).iter().count() > 1;
    if is_ambiguous {
        return Err(Refusal::Malformed.into());
    }
    let route = request.extensions().get::<MatchedPath>();
    // Whoever asks whether the server lives, or for its style, is not particular.
    let is_particular = route
        .is_some_and(|path| !["/healthz", "/readyz", "/assets/{file}"].contains(&path.as_str()));
    if is_particular && !negotiate::is_served(fields) {
        return Err(Problem::new(Code::NotAcceptable));
    }
    Ok(())
}

/// What somebody is told who cannot be let in at all: a whole answer of HTTP/1.1, in the headers that every
/// answer wears (H-11).
pub fn turned_away(app: &App) -> String {
    let id = app.request_ids.next();
    let body = edge::problem_text(app, &Problem::new(Code::Overloaded), &id);
    let date = app.accounts.now().strftime("%a, %d %b %Y %H:%M:%S GMT");
    let mut headers = HeaderMap::new();
    edge::dress(app, &id, &mut headers);
    let mut answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\nRetry-After: {COME_BACK_SECONDS}\r\nConnection: close\r\nDate: {date}\r\n",
        body.len()
    );
    for (name, value) in &headers {
        answer.push_str(name.as_str());
        answer.push_str(": ");
        answer.push_str(value.to_str().unwrap_or_default());
        answer.push_str("\r\n");
    }
    answer.push_str("\r\n");
    answer.push_str(&body);
    answer
}
