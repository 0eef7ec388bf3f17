//! The cookie of a known device.
//!
//! Every sign-in sets it, on pages and in the API. It outlives the session and grants no access. Password attempts
//! that send it have a separate limit. The domain creates and reads its value.

use axum::http::HeaderMap;
use doorward_domain::limits::KNOWN_DEVICE_LIFETIME;
use doorward_domain::model::{Session, User};

use crate::app::App;
use crate::http::caller::Caller;
use crate::http::cookies;

/// Name of the cookie. With the prefix, browsers send it only to this host and over HTTPS.
const DEVICE: &str = "__Host-doorward-device";
/// Maximum length of a value, in bytes. The domain's values are shorter.
const MAX_LENGTH: usize = 1024;

/// The cookie of a request; `None` if there are two, or if it is too long.
pub(crate) fn cookie_value(headers: &HeaderMap) -> Option<&str> {
    let value = cookies::single(headers, DEVICE)?;
    (value.len() <= MAX_LENGTH).then_some(value)
}

/// Makes the browser a known device of the account that it has just signed in to.
pub(crate) fn remember(
    app: &App,
    caller: &Caller,
    (user, session): (&User, &Session),
    headers: &mut HeaderMap,
) {
    let doorward = &app.doorward;
    let value =
        doorward
            .sign_in
            .device_cookie(caller.ctx(), caller.device(), user, &session.digest);
    let max_age = i64::try_from(KNOWN_DEVICE_LIFETIME.as_secs()).unwrap_or(i64::MAX);
    cookies::set(headers, DEVICE, value.expose(), max_age);
}
