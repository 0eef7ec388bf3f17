//! A route as data: its method and path, what the guard requires (H-03), and its problems. The handlers are in the
//! `RouteHandler` of its feature.

use axum::http::Method;
use doorward_domain::limits::ThrottleScope;

use crate::http::problem::Code;

/// The authentication that a route requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// None; credentials are ignored, except that [`ThrottleScope::SignIn`] identifies a known device by them.
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

/// The row of a route.
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
    /// `true` if a browser over the limit gets its form again. The handler reads `Fields`, whose
    /// `finish` then fails. Otherwise the guard rejects the request.
    pub keeps_form: bool,
    /// Problems that only this route has, in groups. `problems_of` of the OpenAPI document adds those that follow from
    /// the other fields.
    pub problems: &'static [&'static [Code]],
    /// `true` for a page, which only browsers use.
    pub is_page: bool,
    /// `true` for a page of the console, which only some networks may reach.
    pub is_console: bool,
}

impl Route {
    /// A route without a throttle scope and without problems of its own.
    const fn new(method: Method, path: &'static str, authentication: Authentication) -> Self {
        Self {
            method,
            path,
            authentication,
            scope: None,
            keeps_form: false,
            problems: &[],
            is_page: false,
            is_console: false,
        }
    }

    pub(crate) const fn get(path: &'static str, authentication: Authentication) -> Self {
        Self::new(Method::GET, path, authentication)
    }

    pub(crate) const fn post(path: &'static str, authentication: Authentication) -> Self {
        Self::new(Method::POST, path, authentication)
    }

    pub(crate) const fn put(path: &'static str, authentication: Authentication) -> Self {
        Self::new(Method::PUT, path, authentication)
    }

    pub(crate) const fn patch(path: &'static str, authentication: Authentication) -> Self {
        Self::new(Method::PATCH, path, authentication)
    }

    pub(crate) const fn delete(path: &'static str, authentication: Authentication) -> Self {
        Self::new(Method::DELETE, path, authentication)
    }

    /// Counts its requests in a throttle scope.
    pub(crate) const fn with_limit(mut self, scope: ThrottleScope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Counts its requests in a throttle scope. A browser over the limit gets its form again.
    pub(crate) const fn with_limit_in_form(mut self, scope: ThrottleScope) -> Self {
        self.scope = Some(scope);
        self.keeps_form = true;
        self
    }

    /// Sets the problems that not every such route has.
    pub(crate) const fn with_problems(mut self, groups: &'static [&'static [Code]]) -> Self {
        self.problems = groups;
        self
    }

    /// Returns `true` if the row names the problem.
    pub fn has_problem(&self, code: Code) -> bool {
        self.problems.iter().any(|group| group.contains(&code))
    }
}

/// Problems of an action that a recent password check permits, or the password and the code in the same request.
pub(crate) const REAUTHENTICATION: &[Code] = &[
    Code::InvalidCredentials,
    Code::WrongPassword,
    Code::InvalidCode,
    Code::ReauthenticationRequired,
];
/// Problems of a route that checks a password but has no throttle scope.
pub(crate) const PASSWORD_CHECK: &[Code] = &[Code::TooManyAttempts, Code::Overloaded];
/// Problems of a user in the path.
pub(crate) const USER: &[Code] = &[Code::Forbidden, Code::NotFound];
/// Problems of a change of another user, or of a deletion.
pub(crate) const ADMINISTRATION: &[&[Code]] = &[
    REAUTHENTICATION,
    USER,
    &[Code::PreconditionFailed, Code::LastAdmin],
    PASSWORD_CHECK,
];
/// Problems of a mailed link.
pub(crate) const LINK: &[Code] = &[Code::NotFound, Code::LinkExpired];
/// Problems of a list with a query.
pub(crate) const QUERY: &[Code] = &[Code::MalformedRequest, Code::ValidationFailed];

/// Paths of the health checks, which are answered on any load, over plain HTTP and for any `Accept`.
pub(crate) const HEALTH_CHECKS: [&str; 2] = ["/healthz", "/readyz"];
