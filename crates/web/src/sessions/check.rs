//! `GET /auth/check`: tells a reverse proxy who is signed in.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use doorward_domain::model::User;
use doorward_domain::values::{EmailAddress, Username};

use crate::app::App;
use crate::html::return_to::{ReturnTo, sign_in_path};
use crate::http::caller::Caller;
use crate::http::origins::Origins;
use crate::http::problem::Problem;
use crate::http::responses::see_other;

/// Tells a reverse proxy who is signed in, in headers. A browser that is not signed in is redirected to the
/// sign-in page if the proxy sends the requested page in `X-Forwarded-Uri`, with `X-Forwarded-Method: GET`.
#[utoipa::path(get, path = "/auth/check", tag = "Sessions", responses((status = 200, description = "Signed in; `X-Auth-*` identify the user",
    headers(("X-Auth-User-Id" = String, description = "The user's id"), ("X-Auth-Username" = String, description = "The username, if there is one"), ("X-Auth-Email" = String, description = "The confirmed address, if there is one"), ("X-Auth-Role" = String, description = "`user` or `admin`")))))]
pub(crate) async fn check(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if caller.wants_html()
        && caller.session().is_none()
        && let Some(uri) = requested_uri(&headers)
    {
        // Absolute, since the proxy passes the redirect on to a browser at another host.
        let return_to = ReturnTo::parse(uri, &Origins::default());
        let path = sign_in_path(return_to.as_ref());
        let public_url = &app.doorward.policy().public_url;
        return Ok(see_other(&format!("{public_url}{path}")));
    }
    let user = caller.require_session()?.user();
    let mut response = StatusCode::OK.into_response();
    for (name, value) in identity_fields(user) {
        // Header values are bytes; a username beyond ASCII goes out as UTF-8.
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    Ok(response)
}

/// The URI that the proxy received, if the method was `GET`. Any client can send these fields: they only
/// choose where that client goes on our own origin.
fn requested_uri(headers: &HeaderMap) -> Option<&str> {
    let method = headers.get("x-forwarded-method")?;
    let uri = headers.get("x-forwarded-uri")?;
    (method == "GET").then_some(std::str::from_utf8(uri.as_bytes()).ok()?)
}

fn identity_fields(user: &User) -> [(&'static str, String); 4] {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    [
        ("x-auth-user-id", user.id.to_string()),
        (
            "x-auth-username",
            text(user.username.as_ref().map(Username::as_str)),
        ),
        (
            "x-auth-email",
            text(user.email.as_ref().map(EmailAddress::as_str)),
        ),
        ("x-auth-role", user.role.as_str().to_owned()),
    ]
}
