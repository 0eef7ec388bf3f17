//! `/auth`: sign-in, sign-out, and the use of a session.

use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, LOCATION, PRAGMA, SET_COOKIE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use doorward_domain::Error;
use doorward_domain::ctx::actor_of;
use doorward_domain::flows::audience_token::Audience;
use doorward_domain::flows::sessions::SignedIn;
use doorward_domain::flows::sign_in::Identifier;
use doorward_domain::model::User;
use doorward_domain::values::{EmailAddress, Invalid, Password, Username};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::body::Fields;
use crate::device;
use crate::guard::{COOKIE, Caller, PresentedCredential, credential};
use crate::json::Json;
use crate::origins::Origins;
use crate::pages::WelcomeForms;
use crate::pages::form::Form;
use crate::pages::return_to::{ReturnTo, sign_in_path};
use crate::problem::Problem;
use crate::views::{AudienceTokenView, CurrentSessionView, SessionView, SignedInView, UserView};

/// `password`, and one of `username` and `email`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignIn, example = json!({"email": "ben@example.com", "password": "three boats on a lake"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInBody {
    /// The username; letter case is ignored.
    #[schema(min_length = 1, max_length = 64)]
    username: Option<String>,
    /// The confirmed address.
    #[schema(format = Email, max_length = 254)]
    email: Option<String>,
    /// The password.
    #[schema(format = Password, max_length = 256)]
    password: String,
}

/// Reads exactly one of `username` and `email`.
pub(crate) fn identifier(fields: &mut Fields) -> Option<Identifier> {
    let is_absent = fields.is_absent("username") && fields.is_absent("email");
    let username = fields.optional("username", Username::parse);
    let email = fields.optional("email", EmailAddress::parse);
    match (username, email) {
        (Some(_), Some(_)) => {
            fields.add_error(
                "email",
                Invalid::new("ambiguous", "Send a `username` or an `email`, not both."),
            );
            None
        }
        (Some(username), None) => Some(Identifier::Username(username)),
        (None, Some(email)) => Some(Identifier::Email(email)),
        (None, None) => {
            if is_absent {
                fields.add_error(
                    "username",
                    Invalid::new("missing", "Send a `username` or an `email`."),
                );
            }
            None
        }
    }
}

/// Signs in. A form of a page also ends the session whose cookie it replaces.
#[utoipa::path(post, path = "/auth", tag = "Sessions", request_body = SignInBody, responses((status = 201, description = "The session, with its token", body = SignedInView)))]
pub(crate) async fn sign_in(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, Problem> {
    if caller.wants_html() {
        return sign_in_by_page(&app, &caller, &headers, fields).await;
    }
    let signed_in = create_session(&app, &caller, fields).await?;
    let view = SignedInView::new(&signed_in, caller.ctx().now);
    let mut response = token_response(StatusCode::CREATED, view);
    let of = (&signed_in.user, &signed_in.session);
    device::remember(&app, &caller, of, response.headers_mut());
    Ok(response)
}

/// Redirects a browser, or returns the form with its errors and what was entered.
async fn sign_in_by_page(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let form = Form::of(&fields);
    let return_to = ReturnTo::take_from_form(&mut fields, &app.choices.return_origins);
    fields.move_address_to_email();
    match create_session(app, caller, fields).await {
        Ok(signed_in) => {
            end_replaced(app, caller, headers).await;
            let return_to = return_to.as_ref();
            Ok(signed_in_by_page(app, caller, &signed_in, return_to))
        }
        Err(problem) => {
            let forms = WelcomeForms {
                sign_in: form.refused(&problem).with_one_name(),
                return_to,
                ..WelcomeForms::default()
            };
            let page = app
                .pages
                .welcome(caller.locale(), &forms, app.inbox.is_some());
            Err(problem.on_page(page))
        }
    }
}

/// Ends the session whose cookie the new one replaces: the browser can no longer sign it out, and a copied
/// token would stay valid (S-02; ASVS 7.2.4). If that fails, the session expires by itself.
async fn end_replaced(app: &App, caller: &Caller, headers: &HeaderMap) {
    let Ok(Some(PresentedCredential::Cookie(token))) = credential(headers) else {
        return;
    };
    let ended = match app
        .accounts
        .authenticate(caller.ctx(), token.expose())
        .await
    {
        Ok(old) => {
            let ctx = caller.ctx().acting_as(actor_of(old.user(), old.session()));
            app.accounts.sign_out(&ctx, &old).await
        }
        // The replaced session is invalid already.
        Err(Error::InvalidToken) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = ended {
        tracing::warn!(%error, "failed to end the session replaced by this sign-in");
    }
}

/// A response with a token, which caches must not store, HTTP/1.0 caches included (H-06; RFC 6749, 5.1).
fn token_response(status: StatusCode, view: impl Serialize) -> Response {
    let headers = [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (PRAGMA, HeaderValue::from_static("no-cache")),
    ];
    (status, headers, Json(view)).into_response()
}

async fn create_session(
    app: &App,
    caller: &Caller,
    mut fields: Fields,
) -> Result<SignedIn, Problem> {
    let password = fields.required("password", Password::parse);
    let who = identifier(&mut fields);
    let (who, password) = fields.finish(|| Some((who?, password?)))?;
    Ok(app.accounts.sign_in(caller.ctx(), &who, &password).await?)
}

/// Sets the cookies and redirects (W-05).
fn signed_in_by_page(
    app: &App,
    caller: &Caller,
    signed_in: &SignedIn,
    return_to: Option<&ReturnTo>,
) -> Response {
    let mut response = see_other(return_to.map_or("/", ReturnTo::as_str));
    let headers = response.headers_mut();
    set_session_cookie(headers, signed_in, caller.ctx().now);
    let of = (&signed_in.user, &signed_in.session);
    device::remember(app, caller, of, headers);
    response
}

/// Redirects with 303, so that a browser does not post a form again (W-05). A path is sent as it is:
/// the browser stays on the host that it used, which the page's `form-action` allows.
pub(crate) fn see_other(place: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(place) = HeaderValue::from_str(place) {
        response.headers_mut().insert(LOCATION, place);
    }
    response
}

/// Sets the cookie of a new or renewed session.
pub(crate) fn set_session_cookie(headers: &mut HeaderMap, signed_in: &SignedIn, now: Timestamp) {
    let life = signed_in.session.expires_at.duration_since(now).as_secs();
    set_cookie(headers, signed_in.token.expose(), life);
}

/// Sets the session cookie, with the remaining lifetime of the session (S-09).
fn set_cookie(headers: &mut HeaderMap, token: &str, max_age: i64) {
    let cookie =
        format!("{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={max_age}");
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        headers.append(SET_COOKIE, value);
    }
}

/// Deletes the session cookie and the browser's cache and storage of this site (S-05). The cookie of
/// the known device stays.
pub(crate) fn clear_cookie(headers: &mut HeaderMap) {
    set_cookie(headers, "", 0);
    let data = HeaderValue::from_static("\"cache\", \"storage\"");
    headers.insert(HeaderName::from_static("clear-site-data"), data);
}

/// Returns the session and its user. A browser gets the sign-in page, or the page of its user. With
/// `?return_to=/path` it is redirected there, after the sign-in if it is not signed in.
#[utoipa::path(get, path = "/auth", tag = "Sessions", responses((status = 200, description = "The session and its user", body = CurrentSessionView)))]
pub(crate) async fn current_session(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    if caller.wants_html() {
        return Ok(sign_in_page(
            &app,
            &caller,
            ReturnTo::from_query(query.as_deref(), &app.choices.return_origins),
        ));
    }
    let authenticated = caller.require_session()?;
    let session = authenticated.session();
    Ok(Json(CurrentSessionView {
        session: SessionView::new(session, Some(session.id)),
        user: UserView::from(authenticated.user()),
    })
    .into_response())
}

fn sign_in_page(app: &App, caller: &Caller, return_to: Option<ReturnTo>) -> Response {
    let (locale, has_inbox) = (caller.locale(), app.inbox.is_some());
    match (caller.session(), return_to) {
        (Some(_), Some(return_to)) => see_other(return_to.as_str()),
        (Some(session), None) => app
            .pages
            .home(locale, session.user(), has_inbox, &Form::default())
            .into_response(),
        (None, return_to) => {
            let forms = WelcomeForms {
                return_to,
                ..WelcomeForms::default()
            };
            app.pages.welcome(locale, &forms, has_inbox).into_response()
        }
    }
}

/// Signs out. The token is invalid afterwards.
#[utoipa::path(delete, path = "/auth", tag = "Sessions", responses((status = 204, description = "Signed out")))]
pub(crate) async fn sign_out(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    app.accounts
        .sign_out(caller.ctx(), caller.require_session()?)
        .await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    clear_cookie(response.headers_mut());
    Ok(response)
}

/// Returns a new token and extends the session, up to 30 days from sign-in. The old token stays valid for
/// 30 seconds; using it later ends the session. With the cookie, the new token is set as the cookie.
#[utoipa::path(post, path = "/auth/renewal", tag = "Sessions", responses(
    (status = 200, description = "The session, with its new token", body = SignedInView),
    (status = 204, description = "With the cookie: the new one is set")))]
pub(crate) async fn renew(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    let renewed = app.accounts.renew(caller.ctx(), caller.token()?).await?;
    let now = caller.ctx().now;
    if caller.by_cookie() {
        let mut response = StatusCode::NO_CONTENT.into_response();
        set_session_cookie(response.headers_mut(), &renewed, now);
        return Ok(response);
    }
    let view = SignedInView::new(&renewed, now);
    Ok(token_response(StatusCode::OK, view))
}

/// The service that the token is for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AudienceRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct AudienceBody {
    /// The service, as it expects itself in `aud`.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = "^[!-~]+$",
        example = "https://api.example.com"
    )]
    audience: String,
}

/// Returns a five-minute token that another service verifies with the JWKS alone.
#[utoipa::path(post, path = "/auth/token", tag = "Sessions", request_body = AudienceBody, responses((status = 200, description = "The token", body = AudienceTokenView)))]
pub(crate) async fn audience_token(
    State(app): State<App>,
    caller: Caller,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let audience = fields.required("audience", Audience::parse);
    let audience = fields.finish(|| audience)?;
    let made = app
        .accounts
        .audience_token(caller.ctx(), caller.require_session()?, &audience)?;
    let view = AudienceTokenView {
        token: made.token.expose().clone(),
        token_type: "Bearer",
        expires_in: made.expires_in,
    };
    Ok(token_response(StatusCode::OK, view))
}

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
        && let Some(uri) = wanted_uri(&headers)
    {
        // Absolute, since the proxy passes the redirect on to a browser at another host.
        let return_to = ReturnTo::parse(uri, &Origins::default());
        let path = sign_in_path(return_to.as_ref());
        let public_url = &app.accounts.policy().public_url;
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
fn wanted_uri(headers: &HeaderMap) -> Option<&str> {
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
