//! `/auth` and `/user/{user}/session`: shows, lists, ends and renews sessions, and uses one elsewhere.

use axum::extract::Path;
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use doorward_domain::model::User;
use doorward_domain::sessions::Audience;
use doorward_domain::values::{EmailAddress, SessionId, Username};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::cookies::{clear_session_cookie, set_session_cookie};
use crate::http::json::Json;
use crate::http::paging::{self, List, Query};
use crate::http::params::{PageParams, UserParam};
use crate::http::problem::Problem;
use crate::http::responses::token_response;
use crate::sessions::view::{SessionView, SignedInView};
use crate::users::view::UserView;

/// A session and its user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CurrentSession)]
pub(crate) struct CurrentSessionView {
    /// The session.
    session: SessionView,
    /// Its user.
    user: UserView,
}

/// Returns the session and its user. A browser gets the sign-in page, or the page of its user. With
/// `?return_to=/path` it is redirected there, after the sign-in if it is not signed in.
#[utoipa::path(get, path = "/auth", tag = "Session", responses((status = 200, description = "The session and its user", body = CurrentSessionView)))]
pub(crate) async fn current_session(caller: Caller) -> Result<Json<CurrentSessionView>, Problem> {
    let authenticated = caller.require_session()?;
    let session = authenticated.session();
    Ok(Json(CurrentSessionView {
        session: SessionView::new(session, Some(session.id)),
        user: UserView::from(authenticated.user()),
    }))
}

/// Lists the open sessions, newest first; there are at most 50.
#[utoipa::path(get, path = "/user/{user}/session", tag = "Sign out",
    params(
        UserParam,
        PageParams),
    responses((status = 200, description = "The sessions", body = List<SessionView>, headers(("Link" = String, description = "rel=\"next\", if there is a next page")))))]
pub(crate) async fn list_sessions(
    caller: Caller,
    Path(user): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let mut sessions = caller.doorward().sessions.list(&caller.ctx, &user).await?;
    let mut query = Query::parse(uri.query())?;
    let before = query.id_cursor(SessionId::from_bytes)?;
    let limit = query.limit();
    query.finish()?;
    sessions.retain(|session| before.is_none_or(|before| session.id < before));
    let current = caller.ctx.actor.session_id();
    let view = |session: &_| SessionView::new(session, current);
    Ok(paging::respond(
        sessions,
        limit,
        |session| *session.id.as_bytes(),
        view,
        &uri,
    ))
}

/// Signs out. The token is invalid afterwards.
#[utoipa::path(delete, path = "/auth", tag = "Sign out", responses((status = 204, description = "Signed out")))]
pub(crate) async fn sign_out(caller: Caller) -> Result<Response, Problem> {
    let sessions = &caller.doorward().sessions;
    let session = caller.require_session()?;
    sessions.sign_out(&caller.ctx, session).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    clear_session_cookie(response.headers_mut());
    Ok(response)
}

/// Ends all sessions. Recovery links that were mailed before are void.
#[utoipa::path(delete, path = "/user/{user}/session", tag = "Sign out", params(UserParam),
    responses((status = 204, description = "Ended")))]
pub(crate) async fn revoke_sessions(
    caller: Caller,
    Path(user): Path<String>,
) -> Result<StatusCode, Problem> {
    let sessions = &caller.doorward().sessions;
    sessions.revoke_all(&caller.ctx, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends one session.
#[utoipa::path(delete, path = "/user/{user}/session/{id}", tag = "Sign out",
    params(UserParam, ("id" = String, Path, description = "The session's id", format = "uuid")),
    responses((status = 204, description = "Ended")))]
pub(crate) async fn revoke_session(
    caller: Caller,
    Path((user, id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let sessions = &caller.doorward().sessions;
    sessions.revoke(&caller.ctx, &user, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Returns a new token and extends the session, up to 30 days from sign-in. The old token stays valid for
/// 30 seconds; using it later ends the session. With the cookie, the new token is set as the cookie.
#[utoipa::path(post, path = "/auth/renewal", tag = "Session", responses(
    (status = 200, description = "The session, with its new token", body = SignedInView),
    (status = 204, description = "With the cookie: the new one is set")))]
pub(crate) async fn renew(caller: Caller) -> Result<Response, Problem> {
    let renewal = &caller.doorward().renewal;
    let renewed = renewal.renew(&caller.ctx, caller.token()?).await?;
    let now = caller.ctx.now;
    if caller.uses_cookie {
        let mut response = StatusCode::NO_CONTENT.into_response();
        set_session_cookie(response.headers_mut(), &renewed, now);
        return Ok(response);
    }
    let view = SignedInView::new(&renewed, now);
    Ok(token_response(StatusCode::OK, view))
}

/// The service that the token is for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AudienceRequest, example = json!({"audience": "https://api.example.com"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct AudienceBody {
    /// The service, as it expects itself in `aud`.
    #[schema(min_length = 1, max_length = 200, pattern = "^[!-~]+$")]
    audience: String,
}

/// A token for another service.
#[derive(Serialize, ToSchema)]
#[schema(as = AudienceToken)]
pub(crate) struct AudienceTokenView {
    /// A JWT (RFC 9068), verified with the JWKS.
    #[schema(example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGci…")]
    token: String,
    /// Always `Bearer`.
    #[schema(pattern = "^(Bearer)$", example = "Bearer")]
    token_type: &'static str,
    /// Seconds until it expires.
    #[schema(minimum = 0, example = 300)]
    expires_in: i64,
}

/// Returns a five-minute token that another service verifies with the JWKS alone.
#[utoipa::path(post, path = "/auth/token", tag = "Session", request_body = AudienceBody, responses((status = 200, description = "The token", body = AudienceTokenView)))]
pub(crate) async fn audience_token(
    caller: Caller,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let audience = fields.required("audience", Audience::parse);
    let audience = fields.finish(|| audience)?;
    let (audience_tokens, session) = (
        &caller.doorward().audience_tokens,
        caller.require_session()?,
    );
    let made = audience_tokens.audience_token(&caller.ctx, session, &audience)?;
    let view = AudienceTokenView {
        token: made.token.expose().clone(),
        token_type: "Bearer",
        expires_in: made.expires_in,
    };
    Ok(token_response(StatusCode::OK, view))
}

/// Tells a reverse proxy who is signed in, in headers. A browser that is not signed in is redirected to the
/// sign-in page if the proxy sends the requested page in `X-Forwarded-Uri`, with `X-Forwarded-Method: GET`.
#[utoipa::path(get, path = "/auth/check", tag = "Session", responses((status = 200, description = "Signed in; `X-Auth-*` identify the user",
    headers(("X-Auth-User-Id" = String, description = "The user's id"), ("X-Auth-Username" = String, description = "The username, if there is one"), ("X-Auth-Email" = String, description = "The confirmed address, if there is one"), ("X-Auth-Role" = String, description = "`user` or `admin`")))))]
pub(crate) async fn check(caller: Caller) -> Result<Response, Problem> {
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
