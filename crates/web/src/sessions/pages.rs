//! Sessions in a browser: the sign-out button, since a form cannot send `DELETE`, and the redirect of the check for a proxy.

use axum::http::HeaderMap;
use axum::response::Response;

use crate::html::return_to::{ReturnTo, sign_in_path};
use crate::http::caller::Caller;
use crate::http::cookies::clear_session_cookie;
use crate::http::origins::Origins;
use crate::http::problem::Problem;
use crate::http::responses::see_other;
use crate::sessions::api;
use crate::sign_in::notice::Notice;

/// Signs out, and redirects to the sign-in page, which confirms it. Also if the session has ended already.
pub(crate) async fn sign_out(caller: Caller) -> Result<Response, Problem> {
    let sessions = &caller.doorward().sessions;
    if let Some(session) = caller.session() {
        sessions.sign_out(&caller.ctx, session).await?;
    }
    let mut response = Notice::SignedOut.redirect(None);
    clear_session_cookie(response.headers_mut());
    Ok(response)
}

/// The check for a reverse proxy. Redirects to the sign-in page if there is no session and the proxy names the page.
pub(crate) async fn check(caller: Caller, headers: HeaderMap) -> Result<Response, Problem> {
    let (None, Some(uri)) = (caller.session(), requested_uri(&headers)) else {
        return api::check(caller).await;
    };
    // Absolute, since the proxy passes the redirect on to a browser at another host.
    let return_to = ReturnTo::parse(uri, &Origins::default());
    let path = sign_in_path(return_to.as_ref());
    let public_url = &caller.doorward().policy().public_url;
    Ok(see_other(&format!("{public_url}{path}")))
}

/// The URI that the proxy received, if the method was `GET`. Any client can send these fields: they only
/// choose where that client goes on our own origin.
fn requested_uri(headers: &HeaderMap) -> Option<&str> {
    let method = headers.get("x-forwarded-method")?;
    let uri = headers.get("x-forwarded-uri")?;
    (method == "GET").then_some(std::str::from_utf8(uri.as_bytes()).ok()?)
}
