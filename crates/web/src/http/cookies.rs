//! Cookies: of the session (S-09), of the challenge of a sign-in between its steps, of a sign-up until its address is
//! confirmed, of a known device, which outlives the session and grants no access, and of the chosen language.

use axum::http::HeaderName;
use axum::http::header::{self, HeaderMap, HeaderValue};
use doorward_domain::devices::KNOWN_DEVICE_LIFETIME;
use doorward_domain::model::{Session, User};
use doorward_domain::sessions::SignedIn;
use doorward_domain::sign_up::SIGN_UP_COOKIE_LIFETIME;
use doorward_domain::values::{Secret, Token};
use jiff::Timestamp;

use crate::http::caller::Caller;

/// The session cookie of pages. With the prefix, browsers send it only to this host, on all paths, over HTTPS.
pub(crate) const SESSION_COOKIE: &str = "__Host-doorward";
/// The cookie of a challenge: a sign-in on pages that needs another step. It is no session.
pub(crate) const CHALLENGE_COOKIE: &str = "__Host-doorward-challenge";
/// The cookie of a sign-up whose address is not confirmed.
const SIGN_UP_COOKIE: &str = "__Host-doorward-sign-up";
/// The cookie of the language that was chosen on a page.
pub(crate) const LANGUAGE_COOKIE: &str = "__Host-doorward-language";
/// The cookie of a known device.
const DEVICE_COOKIE: &str = "__Host-doorward-device";
/// The cookie with the key of the built-in inbox of a demo.
const INBOX_COOKIE: &str = "__Host-doorward-inbox";
/// Lifetime of the cookie of the inbox, in seconds: a day.
const INBOX_COOKIE_LIFETIME: i64 = 24 * 60 * 60;
/// Maximum length of the value of a device cookie, in bytes. The domain's values are shorter.
const MAX_DEVICE: usize = 1024;
/// Maximum length of a cookie that browsers store, in bytes (RFC 6265, section 6.1).
const MAX_BYTES: usize = 4096;

/// Returns all values of the cookie `name`. A value that is not ASCII is returned as empty, since Doorward never
/// sets one. Other cookies are not parsed, so one that another application set for the whole domain cannot hide
/// Doorward's (A-08, S-09).
pub(crate) fn values<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h str> {
    let fields = headers.get_all(header::COOKIE).iter();
    let pairs = fields.flat_map(|field| field.as_bytes().split(|b| *b == b';'));
    pairs.filter_map(move |pair| {
        let value = pair.trim_ascii().strip_prefix(name.as_bytes())?;
        let text = std::str::from_utf8(value.strip_prefix(b"=")?);
        Some(text.ok().filter(|text| text.is_ascii()).unwrap_or_default())
    })
}

/// Returns the value of the cookie `name`; `None` if it is absent or was sent twice.
pub(crate) fn single<'h>(headers: &'h HeaderMap, name: &'h str) -> Option<&'h str> {
    let mut values = values(headers, name);
    values.next().filter(|_| values.next().is_none())
}

/// Sets a cookie for all paths of this host, for `max_age` seconds; 0 deletes it. A cookie that browsers would not
/// store is not set.
pub(crate) fn set(headers: &mut HeaderMap, name: &str, value: &str, max_age: i64) {
    let cookie =
        format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={max_age}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie)
        && cookie.len() <= MAX_BYTES
    {
        headers.append(header::SET_COOKIE, cookie);
    }
}

/// Returns the device cookie, not verified; `None` if there are two, or if it is too long.
pub(crate) fn device_value(headers: &HeaderMap) -> Option<&str> {
    single(headers, DEVICE_COOKIE).filter(|value| value.len() <= MAX_DEVICE)
}

/// Returns the challenge of the sign-in that this browser has begun, not verified.
pub(crate) fn challenge(headers: &HeaderMap) -> Option<Token> {
    Token::parse(single(headers, CHALLENGE_COOKIE)?)
}

/// Returns the cookie of the sign-up in this browser, not verified.
pub(crate) fn sign_up(headers: &HeaderMap) -> Option<&str> {
    single(headers, SIGN_UP_COOKIE)
}

/// Sets the cookie of a sign-up. It replaces that of an earlier one.
pub(crate) fn set_sign_up_cookie(headers: &mut HeaderMap, value: &Secret<String>) {
    let max_age = SIGN_UP_COOKIE_LIFETIME.as_secs();
    set(headers, SIGN_UP_COOKIE, value.expose(), max_age);
}

/// Returns the key of the built-in inbox, not verified.
pub(crate) fn inbox_key(headers: &HeaderMap) -> Option<&str> {
    single(headers, INBOX_COOKIE)
}

/// Sets the cookie that opens the built-in inbox.
pub(crate) fn set_inbox_cookie(headers: &mut HeaderMap, key: &str) {
    set(headers, INBOX_COOKIE, key, INBOX_COOKIE_LIFETIME);
}

/// Deletes the cookies of the steps before a sign-in, if the request has them.
pub(crate) fn clear_steps(request: &HeaderMap, response: &mut HeaderMap) {
    for name in [CHALLENGE_COOKIE, SIGN_UP_COOKIE] {
        if single(request, name).is_some() {
            set(response, name, "", 0);
        }
    }
}

/// Makes the client a known device of the account that it has just signed in to. Its password attempts then have a
/// separate limit.
pub(crate) fn set_device_cookie(
    caller: &Caller,
    (user, session): (&User, &Session),
    headers: &mut HeaderMap,
) {
    let devices = &caller.doorward().devices;
    let made_by = (&session.digest, session.amr.as_slice());
    let value = devices.device_cookie(&caller.ctx, caller.device(), user, made_by);
    let max_age = i64::try_from(KNOWN_DEVICE_LIFETIME.as_secs()).unwrap_or(i64::MAX);
    set(headers, DEVICE_COOKIE, value.expose(), max_age);
}

/// Sets the cookie of a new or renewed session, with the remaining lifetime of the session (S-09).
pub(crate) fn set_session_cookie(headers: &mut HeaderMap, signed_in: &SignedIn, now: Timestamp) {
    let max_age = signed_in.session.expires_at.duration_since(now).as_secs();
    set(headers, SESSION_COOKIE, signed_in.token.expose(), max_age);
}

/// Sets the cookie of a session whose proof was recorded, unless the response sets or deletes it already.
pub(crate) fn set_proved_session(headers: &mut HeaderMap, proved: &SignedIn) {
    let prefix = format!("{SESSION_COOKIE}=");
    let mut set = headers.get_all(header::SET_COOKIE).iter();
    if !set.any(|cookie| cookie.as_bytes().starts_with(prefix.as_bytes())) {
        set_session_cookie(headers, proved, proved.session.renewed_at);
    }
}

/// Deletes the session cookie and the browser's cache and storage of this site (S-05). The cookie of
/// the known device stays.
pub(crate) fn clear_session_cookie(headers: &mut HeaderMap) {
    set(headers, SESSION_COOKIE, "", 0);
    let data = HeaderValue::from_static("\"cache\", \"storage\"");
    headers.insert(HeaderName::from_static("clear-site-data"), data);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A-08, S-09.
    #[test]
    fn a_cookie_that_is_not_ascii_does_not_hide_ours() {
        for (fields, expected) in [
            (&[&b"a=b; mine=x"[..]][..], &["x"][..]),
            (&["mine=x; name=Zo\u{eb}".as_bytes()], &["x"]),
            (&[b"name=\xff; mine=x"], &["x"]),
            (&[b"\xff=\xfe;mine=x;\xff"], &["x"]),
            (&[b"name=\xff", b"mine=x"], &["x"]),
            (&[b" mine=x=y "], &["x=y"]),
            // Both are returned.
            (&[b"mine=x; mine=\xff"], &["x", ""]),
            (&[b"mine=\xc3\xab"], &[""]),
            (&[b"mine", b"mines=x; xmine=y; =mine; Mine=z"], &[]),
        ] {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(header::COOKIE, HeaderValue::from_bytes(field).unwrap());
            }
            let found: Vec<_> = values(&headers, "mine").collect();
            assert_eq!(found, expected, "{fields:?}");
        }
    }
}
