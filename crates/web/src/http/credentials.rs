//! Credentials: the bearer token or the session cookie of a request, and the session cookie of a response.

use axum::http::HeaderName;
use axum::http::header::{self, HeaderMap, HeaderValue};
use doorward_domain::Error;
use doorward_domain::sessions::SignedIn;
use doorward_domain::values::Secret;
use jiff::Timestamp;

use crate::http::cookies;
use crate::http::problem::{Code, Problem};

/// The session cookie of pages. With the prefix, browsers send it only to this host, on all paths, over HTTPS.
pub(crate) const SESSION_COOKIE: &str = "__Host-doorward";

/// A session token, as it was sent.
pub(crate) enum PresentedCredential {
    Bearer(Secret<String>),
    Cookie(Secret<String>),
}

/// Returns the credential of a request. Two are rejected, since one of them would be ignored (RFC 6750, 2).
pub(crate) fn credential(headers: &HeaderMap) -> Result<Option<PresentedCredential>, Problem> {
    let twice = || {
        Problem::with_detail(
            Code::MalformedRequest,
            "The request has two credentials. Send a bearer token or the cookie.",
        )
    };
    let mut bearers = headers.get_all(header::AUTHORIZATION).iter();
    let bearer = bearers.next();
    if bearers.next().is_some() {
        return Err(twice());
    }
    let bearer = match bearer {
        Some(value) => bearer_token(value)?,
        None => None,
    };
    match (bearer, cookie(headers)?) {
        (Some(_), Some(_)) => Err(twice()),
        (Some(token), None) => Ok(Some(PresentedCredential::Bearer(token))),
        (None, Some(token)) => Ok(Some(PresentedCredential::Cookie(token))),
        (None, None) => Ok(None),
    }
}

fn bearer_token(value: &HeaderValue) -> Result<Option<Secret<String>>, Problem> {
    let text = value.to_str().map_err(|_| Error::InvalidToken)?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    Ok(Some(Secret::new(token.trim_start_matches(' ').to_owned())))
}

fn cookie(headers: &HeaderMap) -> Result<Option<Secret<String>>, Problem> {
    let mut values = cookies::values(headers, SESSION_COOKIE);
    let found = values.next().map(|value| Secret::new(value.to_owned()));
    match values.next() {
        None => Ok(found),
        Some(_) => Err(Problem::with_detail(
            Code::MalformedRequest,
            "The session cookie was sent twice.",
        )),
    }
}

/// Sets the cookie of a new or renewed session, with the remaining lifetime of the session (S-09).
pub(crate) fn set_session_cookie(headers: &mut HeaderMap, signed_in: &SignedIn, now: Timestamp) {
    let max_age = signed_in.session.expires_at.duration_since(now).as_secs();
    cookies::set(headers, SESSION_COOKIE, signed_in.token.expose(), max_age);
}

/// Deletes the session cookie and the browser's cache and storage of this site (S-05). The cookie of
/// the known device stays.
pub(crate) fn clear_session_cookie(headers: &mut HeaderMap) {
    cookies::set(headers, SESSION_COOKIE, "", 0);
    let data = HeaderValue::from_static("\"cache\", \"storage\"");
    headers.insert(HeaderName::from_static("clear-site-data"), data);
}
