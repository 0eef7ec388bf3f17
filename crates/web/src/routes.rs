//! All routes with their authentication, rate limit and problems, as data.
//!
//! The guard enforces [`TABLE`] (H-03), and the OpenAPI document takes from it what the handlers do not say. The router
//! binds the handlers; a test compares both. A route without a row is not served.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::http::Method;
use doorward_domain::limits::ThrottleScope;

use crate::http::problem::Code;

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

/// Paths of the health checks, which are answered on any load, over plain HTTP and for any `Accept`.
pub(crate) const HEALTH_CHECKS: [&str; 2] = ["/healthz", "/readyz"];

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
