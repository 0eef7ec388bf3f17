//! All routes with their authentication, rate limit and problems.
//!
//! `guard` enforces [`TABLE`] (H-03) and the OpenAPI document is generated from it; a test compares it with
//! [`router`]. A route without a row is not served.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::Router;
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use doorward_domain::limits::ThrottleScope;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{
    auth, confirmation, email_undo, home, inbox, operations, passwords, recovery, sessions, users,
};
use crate::app::App;
use crate::layers;
use crate::pages;
use crate::problem::{Code, Problem};

/// The authentication that a route requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// None; credentials are ignored.
    Ignored,
    /// None; a valid session is used, an invalid one is ignored.
    InvalidIgnored,
    /// None, but a session that is sent must be valid.
    InvalidRejected,
    /// A valid session. The domain checks permissions.
    Required,
    /// A valid session; a browser without one gets the sign-in page.
    RequiredOrSignInPage,
}

/// A row of the table.
#[derive(Debug)]
pub struct Route {
    /// Method.
    pub method: Method,
    /// Path, as the router spells it.
    pub path: &'static str,
    /// The required authentication.
    pub authentication: Authentication,
    /// The throttle scope of its requests. For [`ThrottleScope::SignIn`] the guard only identifies a known device; the
    /// flow counts the attempts.
    pub scope: Option<ThrottleScope>,
    /// Problems in addition to those of every such route.
    pub problems: &'static [Code],
    /// `true` for a page, which is not in the OpenAPI document.
    pub page: bool,
}

const fn api(
    method: Method,
    path: &'static str,
    authentication: Authentication,
    scope: Option<ThrottleScope>,
    problems: &'static [Code],
) -> Route {
    Route {
        method,
        path,
        authentication,
        scope,
        problems,
        page: false,
    }
}

const fn page(
    method: Method,
    path: &'static str,
    authentication: Authentication,
    scope: Option<ThrottleScope>,
) -> Route {
    Route {
        method,
        path,
        authentication,
        scope,
        problems: &[],
        page: true,
    }
}

use Authentication::{Ignored, InvalidIgnored, InvalidRejected, Required, RequiredOrSignInPage};
use Code::{
    AccountDisabled, EmailTaken, EmailUnconfirmed, Forbidden, InvalidCredentials, LastAdmin,
    LinkExpired, MalformedRequest, NotFound, Overloaded, PreconditionFailed,
    ReauthenticationRequired, TooManyAttempts, UnknownAccount, UsernameTaken, ValidationFailed,
    WrongPassword,
};
use ThrottleScope::{Link, MailRequest, SignIn, SignUp, Token};

/// All routes.
#[rustfmt::skip]
pub static TABLE: &[Route] = &[
    api(Method::GET,    "/",                            InvalidIgnored,  None, &[]),
    api(Method::POST,   "/user",                        Ignored,         Some(SignUp), &[UsernameTaken, EmailTaken, Overloaded]),
    api(Method::GET,    "/user",                        Required,        None, &[Forbidden, MalformedRequest, ValidationFailed]),
    api(Method::GET,    "/user/{user}",                 Required,        None, &[Forbidden, NotFound]),
    api(Method::PUT,    "/user/{user}",                 Required,        None, &[Forbidden, NotFound, PreconditionFailed]),
    api(Method::PATCH,  "/user/{user}",                 Required,        None, &[Forbidden, NotFound, PreconditionFailed]),
    api(Method::DELETE, "/user/{user}",                 Required,        None, &[InvalidCredentials, WrongPassword, ReauthenticationRequired, Forbidden, NotFound, PreconditionFailed, LastAdmin, TooManyAttempts, Overloaded]),
    api(Method::GET,    "/user/{user}/export",          Required,        Some(Token), &[Forbidden, NotFound]),
    api(Method::PUT,    "/user/{user}/email",           Required,        Some(SignIn), &[InvalidCredentials, WrongPassword, ReauthenticationRequired, Forbidden, AccountDisabled, NotFound, EmailTaken, PreconditionFailed, Overloaded]),
    api(Method::PUT,    "/user/{user}/role",            Required,        None, &[InvalidCredentials, WrongPassword, ReauthenticationRequired, Forbidden, NotFound, LastAdmin, PreconditionFailed, TooManyAttempts, Overloaded]),
    api(Method::PUT,    "/user/{user}/status",          Required,        None, &[InvalidCredentials, WrongPassword, ReauthenticationRequired, Forbidden, NotFound, LastAdmin, PreconditionFailed, TooManyAttempts, Overloaded]),
    api(Method::GET,    "/user/{user}/session",         Required,        None, &[Forbidden, NotFound, MalformedRequest, ValidationFailed]),
    api(Method::DELETE, "/user/{user}/session",         Required,        None, &[Forbidden, NotFound]),
    api(Method::DELETE, "/user/{user}/session/{id}",    Required,        None, &[Forbidden, NotFound]),
    api(Method::PUT,    "/password",                    InvalidRejected, Some(SignIn), &[InvalidCredentials, WrongPassword, UnknownAccount, EmailUnconfirmed, AccountDisabled, PreconditionFailed, Overloaded]),
    page(Method::GET,   "/password",                    InvalidIgnored,  None),
    page(Method::POST,  "/password",                    InvalidIgnored,  Some(SignIn)),
    page(Method::GET,   "/confirmation",                Ignored,         None),
    api(Method::POST,   "/confirmation",                Ignored,         Some(MailRequest), &[]),
    api(Method::GET,    "/confirmation/{token}",        Ignored,         Some(Link), &[NotFound, LinkExpired]),
    api(Method::POST,   "/confirmation/{token}",        Ignored,         Some(Link), &[InvalidCredentials, WrongPassword, NotFound, LinkExpired, Overloaded]),
    api(Method::DELETE, "/confirmation/{token}",        Ignored,         Some(Link), &[NotFound, LinkExpired]),
    page(Method::POST,  "/confirmation/{token}/cancel", Ignored,         Some(Link)),
    page(Method::GET,   "/recovery",                    Ignored,         None),
    api(Method::POST,   "/recovery",                    Ignored,         Some(MailRequest), &[]),
    api(Method::GET,    "/recovery/{token}",            Ignored,         Some(Link), &[NotFound, LinkExpired]),
    api(Method::POST,   "/recovery/{token}",            Ignored,         Some(Link), &[NotFound, LinkExpired, Overloaded]),
    api(Method::GET,    "/email-undo/{token}",          Ignored,         Some(Link), &[NotFound, LinkExpired]),
    api(Method::POST,   "/email-undo/{token}",          Ignored,         Some(Link), &[NotFound, LinkExpired, Overloaded]),
    api(Method::GET,    "/audit",                       Required,        None, &[Forbidden, MalformedRequest, ValidationFailed]),
    api(Method::POST,   "/auth",                        Ignored,         Some(SignIn), &[InvalidCredentials, WrongPassword, UnknownAccount, EmailUnconfirmed, AccountDisabled, Overloaded]),
    api(Method::GET,    "/auth",                        RequiredOrSignInPage, None, &[]),
    api(Method::DELETE, "/auth",                        Required,        None, &[]),
    page(Method::POST,  "/auth/sign-out",               Required,        None),
    api(Method::POST,   "/auth/renewal",                Required,        Some(Token), &[]),
    api(Method::POST,   "/auth/token",                  Required,        Some(Token), &[]),
    api(Method::GET,    "/auth/check",                  RequiredOrSignInPage, None, &[]),
    api(Method::GET,    "/.well-known/jwks.json",       Ignored,         None, &[]),
    page(Method::GET,   "/.well-known/change-password", Ignored,         None),
    api(Method::GET,    "/healthz",                     Ignored,         None, &[]),
    api(Method::GET,    "/readyz",                      Ignored,         None, &[Code::Stopping]),
    api(Method::GET,    "/openapi.json",                Ignored,         None, &[]),
    api(Method::GET,    "/inbox.json",                  Ignored,         None, &[NotFound, ValidationFailed]),
    page(Method::GET,   "/docs",                        Ignored,         None),
    page(Method::GET,   "/problems",                    Ignored,         None),
    page(Method::GET,   "/problems/{code}",             Ignored,         None),
    page(Method::GET,   "/inbox",                       Ignored,         None),
    page(Method::GET,   "/assets/{file}",               Ignored,         None),
];

/// The table by path, for the lookup at each request.
static BY_PATH: LazyLock<HashMap<&'static str, Vec<&'static Route>>> = LazyLock::new(|| {
    let mut paths: HashMap<_, Vec<_>> = HashMap::new();
    for route in TABLE {
        paths.entry(route.path).or_default().push(route);
    }
    paths
});

/// The row of a request; `HEAD` uses the row of `GET`.
pub(crate) fn find(method: &Method, path: &str) -> Option<&'static Route> {
    let method = if *method == Method::HEAD {
        &Method::GET
    } else {
        method
    };
    BY_PATH
        .get(path)?
        .iter()
        .find(|route| route.method == *method)
        .copied()
}

/// A path that the router has matched, as the table spells it.
pub(crate) fn known_path(path: &str) -> Option<&'static str> {
    BY_PATH.get_key_value(path).map(|(path, _)| *path)
}

/// The value of `Allow` for a path; `None` if it has no row.
pub(crate) fn allowed_methods(path: &str) -> Option<String> {
    let methods = BY_PATH
        .get(path)?
        .iter()
        .flat_map(|route| match route.method {
            Method::GET => vec!["GET", "HEAD"],
            _ => vec![route.method.as_str()],
        });
    Some(methods.collect::<Vec<_>>().join(", "))
}

/// The methods of the API at a path.
pub(crate) fn api_methods(path: &str) -> Vec<Method> {
    let rows = BY_PATH.get(path).into_iter().flatten();
    let rows = rows.filter(|route| !route.page);
    rows.map(|route| route.method.clone()).collect()
}

/// The routes of the API; the OpenAPI document is generated from the same lines.
pub(crate) fn api_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(home::home))
        .routes(routes!(users::create::create_user, users::list::list_users))
        .routes(routes!(
            users::show::show_user,
            users::update::replace_user,
            users::update::patch_user,
            users::delete::delete_user
        ))
        .routes(routes!(users::email::change_email))
        .routes(routes!(users::export::export_user))
        .routes(routes!(users::role::change_role))
        .routes(routes!(users::status::change_status))
        .routes(routes!(sessions::list_sessions, sessions::revoke_sessions))
        .routes(routes!(sessions::revoke_session))
        .routes(routes!(passwords::change_password))
        .routes(routes!(confirmation::request_confirmation))
        .routes(routes!(
            confirmation::view_confirmation,
            confirmation::confirm,
            confirmation::cancel_confirmation
        ))
        .routes(routes!(
            email_undo::view_email_undo,
            email_undo::undo_email_change
        ))
        .routes(routes!(recovery::request_recovery))
        .routes(routes!(recovery::view_recovery, recovery::recover))
        .routes(routes!(operations::audit::list_audit_events))
        .routes(routes!(
            auth::sign_in,
            auth::current_session,
            auth::sign_out
        ))
        .routes(routes!(auth::renew))
        .routes(routes!(auth::audience_token))
        .routes(routes!(auth::check))
        .routes(routes!(operations::keys::jwks))
        .routes(routes!(operations::health::healthz))
        .routes(routes!(operations::health::readyz))
        .routes(routes!(operations::documents::openapi_json))
        .routes(routes!(inbox::list_inbox))
}

/// The routes that only pages have.
fn page_routes() -> Router<App> {
    Router::new()
        .route(
            "/password",
            get(pages::password::ask).post(pages::password::change),
        )
        .route("/confirmation", get(pages::confirmation::ask))
        .route(
            "/confirmation/{token}/cancel",
            post(pages::confirmation::cancel_confirmation),
        )
        .route("/recovery", get(pages::recovery::ask))
        .route("/auth/sign-out", post(pages::session::end))
        .route(
            "/.well-known/change-password",
            get(pages::password::well_known),
        )
        .route("/docs", get(pages::documents::docs))
        .route("/problems", get(pages::documents::problems))
        .route("/problems/{code}", get(pages::documents::problem))
        .route("/inbox", get(pages::inbox::inbox))
        .route("/assets/{file}", get(pages::assets::asset))
}

/// Redirects a page's path with a trailing slash, such as `/docs/`, to the path without it.
async fn not_found(method: Method, uri: Uri) -> Result<Response, Problem> {
    let path = uri.path().trim_end_matches('/');
    let is_page = |route: &&Route| route.page && route.method == Method::GET && route.path == path;
    match TABLE.iter().find(is_page) {
        Some(page) if method.is_safe() => Ok(Redirect::permanent(page.path).into_response()),
        _ => Err(Problem::new(NotFound)),
    }
}

/// The router of all routes.
pub fn router(app: App) -> Router {
    let (api, _) = api_routes().split_for_parts();
    api.merge(page_routes())
        .fallback(not_found)
        .method_not_allowed_fallback(|| async { Problem::new(Code::MethodNotAllowed) })
        .layer(from_fn_with_state(app.clone(), layers::run))
        .with_state(app)
}
