//! The cookie by which a browser is known again.
//!
//! It is set at every sign-in, whether a page or a program asks, outlives the session and opens nothing:
//! whoever shows it has guesses at that account's password of their own. What is in it, the domain knows.

use axum::http::header::{HeaderMap, HeaderValue, SET_COOKIE};
use doorward_domain::model::{Session, User};

use crate::app::App;
use crate::cookies;
use crate::guard::Caller;

/// Its name. The prefix makes the browser hold it to this host, all paths, HTTPS.
const DEVICE: &str = "__Host-doorward-device";
/// Longer than any of ours.
const MAX_LENGTH: usize = 1024;

/// What a request shows; none where it shows two, or what is no cookie of ours.
pub(crate) fn shown(headers: &HeaderMap) -> Option<&str> {
    let value = cookies::single(headers, DEVICE)?;
    (value.len() <= MAX_LENGTH).then_some(value)
}

/// Makes the browser known to the account that it has just signed in to.
pub(crate) fn remember(
    app: &App,
    caller: &Caller,
    (user, session): (&User, &Session),
    headers: &mut HeaderMap,
) {
    let accounts = &app.accounts;
    let value = accounts.device_after(caller.ctx(), caller.device(), user, &session.digest);
    let cookie = format!(
        "{DEVICE}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={}",
        value.expose(),
        accounts.device_seconds()
    );
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        headers.append(SET_COOKIE, cookie);
    }
}
