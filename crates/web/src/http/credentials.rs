//! The credential of a request: a bearer token or the session cookie.

use axum::http::header::{self, HeaderMap, HeaderValue};
use doorward_domain::Error;
use doorward_domain::values::Secret;

use crate::http::cookies::{self, SESSION_COOKIE};
use crate::http::problem::{Code, Problem};

/// A session token, as it was sent.
pub(crate) enum PresentedCredential {
    Bearer(Secret<String>),
    Cookie(Secret<String>),
}

/// Returns the credential of a request. Two are rejected, since one of them would be ignored (RFC 6750, 2).
pub(crate) fn credential(headers: &HeaderMap) -> Result<Option<PresentedCredential>, Problem> {
    let rejected = |detail: &str| Problem::with_detail(Code::MalformedRequest, detail);
    let twice = "The request has two credentials. Send a bearer token or the cookie.";
    let mut bearers = headers.get_all(header::AUTHORIZATION).iter();
    let bearer = bearers.next();
    if bearers.next().is_some() {
        return Err(rejected(twice));
    }
    let bearer = bearer.map(bearer_token).transpose()?.flatten();
    let mut cookies = cookies::values(headers, SESSION_COOKIE);
    let cookie = cookies.next().map(|value| Secret::new(value.to_owned()));
    if cookies.next().is_some() {
        return Err(rejected("The session cookie was sent twice."));
    }
    match (bearer, cookie) {
        (Some(_), Some(_)) => Err(rejected(twice)),
        (Some(token), None) => Ok(Some(PresentedCredential::Bearer(token))),
        (None, Some(token)) => Ok(Some(PresentedCredential::Cookie(token))),
        (None, None) => Ok(None),
    }
}

fn bearer_token(value: &HeaderValue) -> Result<Option<Secret<String>>, Error> {
    let text = value.to_str().map_err(|_| Error::InvalidToken)?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
    Ok(is_bearer.then(|| Secret::new(token.trim_start_matches(' ').to_owned())))
}
