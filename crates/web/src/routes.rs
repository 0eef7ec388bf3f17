//! All routes with their authentication, rate limit, handler and problems, as data.
//!
//! The router serves [`TABLE`], the guard enforces it (H-03), and the OpenAPI document takes from it what the attributes
//! of the handlers do not say. A test compares it with these attributes.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::http::Method;
use axum::routing::{MethodRouter, get, post};
use doorward_domain::limits::ThrottleScope;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use crate::app::App;
use crate::html::assets;
use crate::http::problem::Code;
use crate::{
    audit, email, factors, home, inbox, keys, operations, passwords, recovery, reference, sessions,
    sign_in, sign_up, users,
};

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
    /// A valid session, or the challenge of a sign-in in which the user must add a second factor.
    RequiredOrEnrolling,
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
    /// service counts the attempts.
    pub scope: Option<ThrottleScope>,
    /// Problems in addition to those of every such route.
    pub problems: &'static [Code],
    /// `true` for a page, which only browsers use.
    pub page: bool,
    handler: Handler,
}

/// Returns the handler of a route, bound to its method.
#[derive(Debug, Clone, Copy)]
enum Handler {
    /// With the attributes of the OpenAPI document.
    Documented(fn() -> UtoipaMethodRouter<App>),
    Undocumented(fn() -> MethodRouter<App>),
}

/// A route of the API.
const fn api(
    method: Method,
    path: &'static str,
    authentication: Authentication,
    scope: Option<ThrottleScope>,
    handler: fn() -> UtoipaMethodRouter<App>,
    problems: &'static [Code],
) -> Route {
    Route {
        method,
        path,
        authentication,
        scope,
        problems,
        page: false,
        handler: Handler::Documented(handler),
    }
}

/// A page.
const fn page(
    method: Method,
    path: &'static str,
    authentication: Authentication,
    scope: Option<ThrottleScope>,
    handler: fn() -> MethodRouter<App>,
) -> Route {
    Route {
        method,
        path,
        authentication,
        scope,
        problems: &[],
        page: true,
        handler: Handler::Undocumented(handler),
    }
}

/// A page whose path the API uses as well. The OpenAPI document has it, since `Allow` names its method.
const fn documented_page(
    method: Method,
    path: &'static str,
    authentication: Authentication,
    scope: Option<ThrottleScope>,
    handler: fn() -> UtoipaMethodRouter<App>,
) -> Route {
    Route {
        method,
        path,
        authentication,
        scope,
        problems: &[],
        page: true,
        handler: Handler::Documented(handler),
    }
}

use Authentication::{
    Ignored, InvalidIgnored, InvalidRejected, Required, RequiredOrEnrolling, RequiredOrSignInPage,
};
use Code::{
    AccountDisabled, ChallengeExpired, EmailTaken, EmailUnconfirmed, Forbidden, InvalidCode,
    InvalidCredentials, LastAdmin, LinkExpired, MalformedRequest, NotFound, Overloaded,
    PreconditionFailed, ReauthenticationRequired, TooManyAttempts, UnknownAccount, UsernameTaken,
    ValidationFailed, WrongPassword,
};
use ThrottleScope::{Link, MailRequest, SignIn, SignUp, Token};

/// All routes.
#[rustfmt::skip]
pub static TABLE: &[Route] = &[
    api(Method::GET,              "/",                            InvalidIgnored,       None,              || routes!(home::api::home),                       &[]),
    api(Method::POST,             "/user",                        Ignored,              Some(SignUp),      || routes!(sign_up::api::create_user),             &[UsernameTaken, EmailTaken, Overloaded]),
    api(Method::GET,              "/user",                        Required,             None,              || routes!(users::admin::list_users),                &[Forbidden, MalformedRequest, ValidationFailed]),
    api(Method::GET,              "/user/{user}",                 Required,             None,              || routes!(users::api::show_user),               &[Forbidden, NotFound]),
    api(Method::PUT,              "/user/{user}",                 Required,             None,              || routes!(users::api::replace_user),            &[Forbidden, NotFound, PreconditionFailed]),
    api(Method::PATCH,            "/user/{user}",                 Required,             None,              || routes!(users::api::patch_user),              &[Forbidden, NotFound, PreconditionFailed]),
    api(Method::DELETE,           "/user/{user}",                 Required,             None,              || routes!(users::api::delete_user),             &[InvalidCredentials, WrongPassword, InvalidCode, ReauthenticationRequired, Forbidden, NotFound, PreconditionFailed, LastAdmin, TooManyAttempts, Overloaded]),
    api(Method::GET,              "/user/{user}/export",          Required,             Some(Token),       || routes!(users::api::export_user),             &[Forbidden, NotFound]),
    api(Method::PUT,              "/user/{user}/email",           Required,             Some(SignIn),      || routes!(email::api::change_email),              &[InvalidCredentials, WrongPassword, InvalidCode, ReauthenticationRequired, Forbidden, AccountDisabled, NotFound, EmailTaken, PreconditionFailed, Overloaded]),
    api(Method::PUT,              "/user/{user}/role",            Required,             None,              || routes!(users::admin::change_role),               &[InvalidCredentials, WrongPassword, InvalidCode, ReauthenticationRequired, Forbidden, NotFound, LastAdmin, PreconditionFailed, TooManyAttempts, Overloaded]),
    api(Method::PUT,              "/user/{user}/status",          Required,             None,              || routes!(users::admin::change_status),             &[InvalidCredentials, WrongPassword, InvalidCode, ReauthenticationRequired, Forbidden, NotFound, LastAdmin, PreconditionFailed, TooManyAttempts, Overloaded]),
    api(Method::GET,              "/user/{user}/session",         Required,             None,              || routes!(sessions::api::list_sessions),          &[Forbidden, NotFound, MalformedRequest, ValidationFailed]),
    api(Method::DELETE,           "/user/{user}/session",         Required,             None,              || routes!(sessions::api::revoke_sessions),        &[Forbidden, NotFound]),
    api(Method::DELETE,           "/user/{user}/session/{id}",    Required,             None,              || routes!(sessions::api::revoke_session),         &[Forbidden, NotFound]),
    api(Method::GET,              "/user/{user}/factor",          RequiredOrEnrolling,  None,              || routes!(factors::api::list_factors),           &[Forbidden, NotFound]),
    api(Method::POST,             "/user/{user}/factor",          RequiredOrEnrolling,  Some(Token),       || routes!(factors::api::begin_enrolment),        &[InvalidCredentials, WrongPassword, InvalidCode, ReauthenticationRequired, Forbidden, NotFound, ChallengeExpired]),
    api(Method::POST,             "/user/{user}/factor/{id}",     RequiredOrEnrolling,  Some(Token),       || routes!(factors::api::finish_enrolment),       &[InvalidCode, ReauthenticationRequired, Forbidden, NotFound, ChallengeExpired]),
    api(Method::DELETE,           "/user/{user}/factor/{id}",     Required,             Some(Token),       || routes!(factors::api::remove_factor),          &[InvalidCredentials, WrongPassword, InvalidCode, ReauthenticationRequired, Forbidden, NotFound]),
    api(Method::POST,             "/user/{user}/recovery-codes",  Required,             Some(Token),       || routes!(factors::api::renew_recovery_codes),   &[InvalidCredentials, WrongPassword, InvalidCode, ReauthenticationRequired, Forbidden, NotFound]),
    api(Method::PUT,              "/password",                    InvalidRejected,      Some(SignIn),      || routes!(passwords::api::change_password),        &[InvalidCredentials, WrongPassword, InvalidCode, ReauthenticationRequired, UnknownAccount, EmailUnconfirmed, AccountDisabled, PreconditionFailed, Overloaded]),
    documented_page(Method::GET,  "/password",                    InvalidIgnored,       None,              || routes!(passwords::pages::password_page)),
    documented_page(Method::POST, "/password",                    InvalidIgnored,       Some(SignIn),      || routes!(passwords::pages::password_form)),
    documented_page(Method::GET,  "/confirmation",                Ignored,              None,              || routes!(email::pages::confirmation_page)),
    api(Method::POST,             "/confirmation",                Ignored,              Some(MailRequest), || routes!(email::api::request_confirmation),      &[]),
    api(Method::GET,              "/confirmation/{token}",        Ignored,              Some(Link),        || routes!(email::api::view_confirmation),         &[NotFound, LinkExpired]),
    api(Method::POST,             "/confirmation/{token}",        Ignored,              Some(Link),        || routes!(email::api::confirm),                   &[InvalidCredentials, WrongPassword, NotFound, LinkExpired, Overloaded]),
    api(Method::DELETE,           "/confirmation/{token}",        Ignored,              Some(Link),        || routes!(email::api::cancel_confirmation),       &[NotFound, LinkExpired]),
    page(Method::POST,            "/confirmation/{token}/cancel", Ignored,              Some(Link),        || post(email::pages::cancel)),
    documented_page(Method::GET,  "/recovery",                    Ignored,              None,              || routes!(recovery::pages::recovery_page)),
    api(Method::POST,             "/recovery",                    Ignored,              Some(MailRequest), || routes!(recovery::api::request_recovery),       &[]),
    api(Method::GET,              "/recovery/{token}",            Ignored,              Some(Link),        || routes!(recovery::api::view_recovery),          &[NotFound, LinkExpired]),
    api(Method::POST,             "/recovery/{token}",            Ignored,              Some(Link),        || routes!(recovery::api::recover),                &[NotFound, LinkExpired, Overloaded]),
    api(Method::GET,              "/email-undo/{token}",          Ignored,              Some(Link),        || routes!(email::api::view_email_undo),           &[NotFound, LinkExpired]),
    api(Method::POST,             "/email-undo/{token}",          Ignored,              Some(Link),        || routes!(email::api::undo_email_change),         &[NotFound, LinkExpired, Overloaded]),
    api(Method::GET,              "/factor-undo/{token}",         Ignored,              Some(Link),        || routes!(factors::undo::view_factor_undo),       &[NotFound, LinkExpired]),
    api(Method::POST,             "/factor-undo/{token}",         Ignored,              Some(Link),        || routes!(factors::undo::undo_factors),           &[NotFound, LinkExpired, Overloaded]),
    api(Method::GET,              "/audit",                       Required,             None,              || routes!(audit::api::list_audit_events),         &[Forbidden, MalformedRequest, ValidationFailed]),
    api(Method::POST,             "/auth",                        Ignored,              Some(SignIn),      || routes!(sign_in::api::sign_in),                 &[InvalidCredentials, WrongPassword, UnknownAccount, EmailUnconfirmed, AccountDisabled, Overloaded]),
    api(Method::POST,             "/auth/factor",                 Ignored,              Some(SignIn),      || routes!(sign_in::api::answer_challenge),        &[InvalidCode, ChallengeExpired]),
    documented_page(Method::GET,  "/auth/factor",                 InvalidIgnored,       None,              || routes!(sign_in::pages::code_page)),
    page(Method::GET,             "/auth/enrol",                  Ignored,              None,              || get(factors::pages::required_page)),
    page(Method::POST,            "/auth/enrol",                  Ignored,              Some(Token),       || post(factors::pages::begin_required)),
    page(Method::POST,            "/auth/enrol/{id}",             Ignored,              Some(Token),       || post(factors::pages::finish_required)),
    page(Method::GET,             "/auth/factors",                RequiredOrSignInPage, None,              || get(factors::pages::factors_page)),
    page(Method::POST,            "/auth/factors",                Required,             Some(Token),       || post(factors::pages::add)),
    page(Method::POST,            "/auth/factors/{id}",           Required,             Some(Token),       || post(factors::pages::finish_adding)),
    page(Method::POST,            "/auth/factors/{id}/remove",    Required,             Some(Token),       || post(factors::pages::remove)),
    page(Method::POST,            "/auth/recovery-codes",         Required,             Some(Token),       || post(factors::pages::renew_codes)),
    api(Method::GET,              "/auth",                        RequiredOrSignInPage, None,              || routes!(sessions::api::current_session),        &[]),
    api(Method::DELETE,           "/auth",                        Required,             None,              || routes!(sessions::api::sign_out),               &[]),
    page(Method::POST,            "/auth/sign-out",               Required,             None,              || post(sessions::pages::sign_out)),
    api(Method::POST,             "/auth/renewal",                Required,             Some(Token),       || routes!(sessions::api::renew),                  &[]),
    api(Method::POST,             "/auth/token",                  Required,             Some(Token),       || routes!(sessions::api::audience_token),         &[]),
    api(Method::GET,              "/auth/check",                  RequiredOrSignInPage, None,              || routes!(sessions::api::check),                  &[]),
    api(Method::GET,              "/.well-known/jwks.json",       Ignored,              None,              || routes!(keys::api::jwks),                       &[]),
    page(Method::GET,             "/.well-known/change-password", Ignored,              None,              || get(passwords::pages::well_known)),
    api(Method::GET,              "/healthz",                     Ignored,              None,              || routes!(operations::api::healthz),              &[]),
    api(Method::GET,              "/readyz",                      Ignored,              None,              || routes!(operations::api::readyz),               &[Code::Stopping]),
    api(Method::GET,              "/openapi.json",                Ignored,              None,              || routes!(reference::api::openapi_json),          &[]),
    api(Method::GET,              "/inbox.json",                  Ignored,              None,              || routes!(inbox::api::list_inbox),                &[NotFound, ValidationFailed]),
    page(Method::GET,             "/docs",                        Ignored,              None,              || get(reference::pages::docs)),
    page(Method::GET,             "/problems",                    Ignored,              None,              || get(reference::pages::problems)),
    page(Method::GET,             "/problems/{code}",             Ignored,              None,              || get(reference::pages::problem)),
    page(Method::GET,             "/inbox",                       Ignored,              None,              || get(inbox::pages::inbox)),
    page(Method::GET,             "/assets/{file}",               Ignored,              None,              || get(assets::asset)),
];

/// The handlers of all routes, with their OpenAPI attributes.
pub(crate) fn handlers() -> OpenApiRouter<App> {
    let bind = |router: OpenApiRouter<App>, route: &Route| match route.handler {
        Handler::Documented(handler) => router.routes(handler()),
        Handler::Undocumented(handler) => router.route(route.path, handler()),
    };
    TABLE.iter().fold(OpenApiRouter::new(), bind)
}

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
