//! Runs before every handler: authentication, the cross-site check, and rate limits.
//!
//! The row of a route has its requirements. A route without a row is rejected: access is denied by default (Z-01).
//! Permissions on users are checked in the domain.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{ConnectInfo, MatchedPath, Request};
use axum::http::HeaderName;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use doorward_domain::ctx::{Client, KnownDevice, RateLimitReport, ReportedLimit, session_actor};
use doorward_domain::limits::ThrottleScope;
use doorward_domain::sessions::Authenticated;
use doorward_domain::values::{Secret, Token, is_invisible};
use doorward_domain::{Actor, Ctx, Error};
use percent_encoding::percent_decode_str;

use crate::app::App;
use crate::http::caller::{Caller, CallerInner};
use crate::http::cookies;
use crate::http::credentials::{PresentedCredential, credential};
use crate::http::cross_site::{self, SetCookieRule};
use crate::http::host::{is_forwarded, is_loopback_authority, requested_hosts};
use crate::http::problem::{Code, Problem, whole_seconds};
use crate::http::problem_response::RequestInfo;
use crate::http::route::{Authentication, Route};
use crate::http::route_index::RoutesOfPath;

/// Maximum stored length of a `User-Agent`, in characters.
const MAX_USER_AGENT: usize = 256;

pub(crate) async fn guard(
    app: &App,
    routes: Option<&RoutesOfPath>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    warn_of_inbox(app, &parts);
    if parts.extensions.get::<MatchedPath>().is_none() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let Some(routes) = routes else {
        return Problem::from(Error::Internal("a path has no row")).into_response();
    };
    let Some(route) = routes.row(&parts.method) else {
        return not_allowed(routes);
    };
    if route.is_console && !app.options.console.is_open_to(client_address(app, &parts)) {
        return Problem::new(Code::NotFound).into_response();
    }
    // No resource has a name that is not UTF-8.
    if percent_decode_str(parts.uri.path()).decode_utf8().is_err() {
        return Problem::new(Code::NotFound).into_response();
    }
    let info = parts.extensions.get::<RequestInfo>();
    let wants_html = info.is_some_and(|info| info.wants_html);
    let set_cookie = match cross_site::check(app, &parts, wants_html) {
        Ok(rule) => rule,
        Err(rejection) => return rejection.into_response(),
    };
    let report = RateLimitReport::default();
    let mut response = match build_caller(app, route, &parts, &report).await {
        Ok(caller) => {
            parts.extensions.insert(caller);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(rejection) => rejection.into_response(),
    };
    if set_cookie == SetCookieRule::Removed {
        response.headers_mut().remove(header::SET_COOKIE);
    }
    set_rate_limit_fields(response.headers_mut(), &report.limits());
    response
}

/// 405 for a known path and a method without a row.
fn not_allowed(routes: &RoutesOfPath) -> Response {
    let allow = routes.allowed_methods();
    let detail = format!("This route supports {allow}.");
    let mut response = Problem::with_detail(Code::MethodNotAllowed, detail).into_response();
    if let Ok(allow) = HeaderValue::from_str(&allow) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

async fn build_caller(
    app: &App,
    route: &Route,
    request: &Parts,
    report: &RateLimitReport,
) -> Result<Caller, Problem> {
    let info = request.extensions.get::<RequestInfo>();
    let info = info.ok_or(Error::Internal("the guard runs without its layer"))?;
    let mut ctx = context(app, info, request, report);
    let wants_html = info.wants_html;
    let device = cookies::device_value(&request.headers);
    let authentication = match route.authentication {
        Authentication::RequiredOrSignInPage if wants_html => Authentication::InvalidIgnored,
        Authentication::RequiredOrSignInPage => Authentication::Required,
        other => other,
    };
    let presented = match authentication {
        Authentication::Ignored => None,
        _ => match credential(&request.headers) {
            Ok(presented) => presented,
            // If the session is optional, a malformed token is ignored like an invalid one.
            Err(problem)
                if authentication == Authentication::InvalidIgnored
                    && problem.code == Code::InvalidToken =>
            {
                None
            }
            Err(problem) => return Err(problem),
        },
    };
    let uses_cookie = matches!(presented, Some(PresentedCredential::Cookie(_)));
    let loaded = match enrolment_challenge(authentication, presented.as_ref()) {
        Some(challenge) => match app.doorward.second_step.enrolling(&ctx, &challenge).await {
            Ok(actor) => {
                ctx.actor = actor;
                Ok(None)
            }
            Err(error) => Err(error),
        },
        None => load_session(app, &ctx, authentication, presented).await,
    };
    if let Ok(Some((authenticated, _))) = &loaded {
        ctx.actor = session_actor(authenticated.user(), authenticated.session());
        ctx.client.known = vec![KnownDevice::from_session(authenticated.session())];
        let chosen = authenticated.user().chosen_locale();
        ctx.client.locale = chosen.unwrap_or(ctx.client.locale);
    }
    let mut over_limit = None;
    if let Some(scope) = route.scope
        && let Err(error) = throttle(app, &mut ctx, scope, device, &request.headers).await
    {
        let problem = Problem::from(error);
        match wants_html && route.keeps_form {
            true => over_limit = Some(problem),
            false => return Err(problem),
        }
    }
    let (authenticated, token) = loaded?.unzip();
    Ok(Caller(Arc::new(CallerInner {
        app: app.clone(),
        ctx,
        authenticated,
        token,
        proved: info.proved.clone(),
        uses_cookie,
        device: device.map(|text| Secret::new(text.to_owned())),
        page: info.page.clone(),
        over_limit,
    })))
}

/// Returns the challenge that is sent as the bearer token, if the route accepts one. A session token is longer.
fn enrolment_challenge(
    authentication: Authentication,
    presented: Option<&PresentedCredential>,
) -> Option<Token> {
    match (authentication, presented) {
        (Authentication::RequiredOrEnrolling, Some(PresentedCredential::Bearer(token))) => {
            Token::parse(token.expose())
        }
        _ => None,
    }
}

/// Loads the session of a request, if its route uses one.
async fn load_session(
    app: &App,
    ctx: &Ctx,
    authentication: Authentication,
    presented: Option<PresentedCredential>,
) -> Result<Option<(Authenticated, Secret<String>)>, Error> {
    let Some(PresentedCredential::Bearer(token) | PresentedCredential::Cookie(token)) = presented
    else {
        return match authentication {
            Authentication::Required | Authentication::RequiredOrEnrolling => {
                Err(Error::AuthenticationRequired)
            }
            _ => Ok(None),
        };
    };
    match app
        .doorward
        .session_check
        .authenticate(ctx, token.expose())
        .await
    {
        Ok(authenticated) => Ok(Some((authenticated, token))),
        Err(Error::InvalidToken) if authentication == Authentication::InvalidIgnored => Ok(None),
        Err(error) => Err(error),
    }
}

fn context(app: &App, info: &RequestInfo, request: &Parts, report: &RateLimitReport) -> Ctx {
    let peer = request.extensions.get::<ConnectInfo<SocketAddr>>();
    if peer.is_some_and(|ConnectInfo(peer)| {
        app.trusted_proxies
            .has_unlisted_proxy(peer.ip(), &request.headers)
    }) {
        app.untrusted_proxy_warning
            .warn_untrusted_proxy(app.trusted_proxies.header());
    }
    let user_agent = request.headers.get(header::USER_AGENT);
    // Shown in the list of sessions.
    let user_agent = user_agent.map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        text.chars()
            .filter(|c| !c.is_control() && !is_invisible(*c))
            .take(MAX_USER_AGENT)
            .collect()
    });
    Ctx {
        actor: Actor::Anonymous,
        client: Client {
            address: client_address(app, request),
            user_agent,
            locale: info.locale,
            known: Vec::new(),
            rate_limits: report.clone(),
        },
        request_id: info.id.clone(),
        now: app.doorward.now(),
    }
}

/// The address of the client; `None` if a trusted proxy does not send it.
fn client_address(app: &App, request: &Parts) -> Option<IpAddr> {
    let ConnectInfo(peer) = request.extensions.get::<ConnectInfo<SocketAddr>>()?;
    app.trusted_proxies.client(peer.ip(), &request.headers)
}

/// Logs once when a request through a proxy or for another host arrives while the built-in inbox is on: others use the
/// server, and their mail is not sent.
fn warn_of_inbox(app: &App, request: &Parts) {
    if app.inbox.is_some()
        && app.options.inbox_key.is_none()
        && (is_forwarded(&request.headers) || !requested_hosts(request).all(is_loopback_authority))
        && !app.has_warned_of_inbox.swap(true, Ordering::Relaxed)
    {
        tracing::warn!(
            "a request came through a proxy or for another host, but mail stays in the built-in inbox, which local clients can read. Set SMTP_URL"
        );
    }
}

/// Counts a request in its scope. The domain counts a password attempt, since it knows the account; here the
/// device cookie, or else a valid session, is read for it.
async fn throttle(
    app: &App,
    ctx: &mut Ctx,
    scope: ThrottleScope,
    device: Option<&str>,
    headers: &HeaderMap,
) -> Result<(), Error> {
    if ctx.client.address.is_none() && app.doorward.policy().throttle {
        app.missing_client_warning
            .warn_missing_client(app.trusted_proxies.header());
    }
    if scope == ThrottleScope::SignIn {
        let devices = app
            .doorward
            .devices
            .known_devices(ctx, device.unwrap_or_default());
        ctx.client.known.extend(devices);
        if ctx.client.known.is_empty()
            && let Ok(Some(PresentedCredential::Bearer(token) | PresentedCredential::Cookie(token))) =
                credential(headers)
            && let Ok(found) = app
                .doorward
                .session_check
                .authenticate(ctx, token.expose())
                .await
        {
            ctx.client.known = vec![KnownDevice::from_session(found.session())];
        }
    }
    app.doorward.check_rate_limit(ctx, scope).await
}

/// Sets the fields of the IETF draft “`RateLimit` header fields for HTTP”, version 10: the remaining requests, and
/// the limit that denied the request.
fn set_rate_limit_fields(headers: &mut HeaderMap, limits: &[ReportedLimit]) {
    let (mut policies, mut states) = (Vec::new(), Vec::new());
    for limit in limits {
        let (name, window) = (limit.name, whole_seconds(limit.rate.window));
        let (remaining, reset) = (limit.remaining, whole_seconds(limit.reset_after));
        policies.push(format!("\"{name}\";q={};w={window}", limit.rate.burst));
        states.push(format!("\"{name}\";r={remaining};t={reset}"));
    }
    for (field, items) in [("ratelimit-policy", policies), ("ratelimit", states)] {
        if let Ok(value) = HeaderValue::from_str(&items.join(", "))
            && !items.is_empty()
        {
            headers.insert(HeaderName::from_static(field), value);
        }
    }
}
