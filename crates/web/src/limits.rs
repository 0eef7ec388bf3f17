//! How large a request may be, and what becomes of one that is larger (H-04, H-05, H-13).
//!
//! The listener knows what stands on the wire, and says by a [`Refusal`] among the extensions of a
//! request that stands for one it did not hand on. HTTP/2 has no such wire, and is looked at here.
//! Must not know any route beyond its name.

use axum::extract::{MatchedPath, Request};
use axum::http::header::CONTENT_LENGTH;
use tokio::sync::SemaphorePermit;

use crate::app::App;
use crate::negotiate;
use crate::problem::{Code, Problem};

/// The longest target of a request, in bytes.
pub const MAX_URI_BYTES: usize = 8 * 1024;
/// The most fields of a head.
pub const MAX_FIELDS: usize = 100;

/// How many who ask how the server stands are answered at once where requests have no place any more. Whatever
/// routes to it would take a busy node for a dead one, and give its load to the next (H-05, H-14).
pub(crate) const MAX_PROBES: usize = 16;

/// How many requests that may change something are brought to their end though their clients leave: as many as
/// the listener lets in of all.
pub(crate) const MAX_CHANGING: usize = 2048;

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

/// Refuses what is too large, and who would rather have what there is not. What is given back is kept until
/// the answer is made.
pub(crate) fn check<'a>(
    app: &'a App,
    request: &Request,
) -> Result<Option<SemaphorePermit<'a>>, Problem> {
    let place = match request.extensions().get::<Refusal>() {
        Some(Refusal::Overloaded) if is_probe(request) => Some(app.probes.try_acquire()),
        Some(refusal) => return Err((*refusal).into()),
        None => None,
    };
    check_size(request)?;
    let place = place.transpose();
    place.map_err(|_| Refusal::Overloaded.into())
}

/// Whether it asks how the server stands.
fn is_probe(request: &Request) -> bool {
    let route = request.extensions().get::<MatchedPath>();
    route.is_some_and(|path| ["/healthz", "/readyz"].contains(&path.as_str()))
}

fn check_size(request: &Request) -> Result<(), Problem> {
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
