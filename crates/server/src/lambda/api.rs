//! The function `api`: the router of the server behind API Gateway, by the events of its payload format 2.0.
//!
//! What a server's tasks do for its requests is done here with a request: it polls for revoked keys before, and writes
//! what the request has left in memory before the response is sent, since the process is frozen afterwards.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::anyhow;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use axum::response::Response;
use doorward_domain::ctx::Actor;
use doorward_domain::error::chain;
use doorward_web::ShutdownFlag;
use jiff::{SignedDuration, Timestamp};
use lambda_http::request::RequestContext;
use lambda_http::{RequestExt, service_fn};
use tokio::sync::watch;
use tower::ServiceExt;

use crate::config::Config;
use crate::wiring::{self, Components};

/// A revoked key is rejected everywhere within a second.
const KEY_POLL_INTERVAL: SignedDuration = SignedDuration::from_millis(500);
/// Interval between counts of the outbox, and between writes of the totals and of the counts of suppressed audit events.
const COUNT_INTERVAL: SignedDuration = SignedDuration::from_secs(60);
/// The name of these processes in the totals. There are many, for a short time each.
const NODE: &str = "api";

pub(super) async fn run(config: &Config) -> anyhow::Result<()> {
    let components = super::open(config).await?;
    // Nothing waits for mail in an inbox.
    let (_stopper, stopped) = watch::channel(false);
    let shutdown = ShutdownFlag::default();
    let app = wiring::app(&components, config, shutdown, &stopped, None, None);
    let api = Arc::new(Api {
        router: doorward_web::router(app),
        components,
        keys: Interval::every(KEY_POLL_INTERVAL),
        counts: Interval::every(COUNT_INTERVAL),
    });
    let handler = service_fn(move |request: lambda_http::Request| {
        let api = api.clone();
        async move { Ok::<_, Infallible>(api.respond(request).await) }
    });
    let ended = lambda_http::run(handler).await;
    ended.map_err(|error| anyhow!(error).context("the runtime of Lambda failed"))
}

struct Api {
    components: Components,
    router: Router,
    keys: Interval,
    counts: Interval,
}

impl Api {
    async fn respond(&self, request: lambda_http::Request) -> Response {
        self.poll_keys().await;
        let response = self.router.clone().oneshot(as_over_tcp(request)).await;
        let mut response = response.unwrap_or_else(|never| match never {});
        self.write_what_is_left().await;
        join_fields(response.headers_mut());
        response
    }

    async fn poll_keys(&self) {
        let doorward = &self.components.doorward;
        if self.keys.is_due(doorward.now())
            && let Err(error) = doorward.keys.poll().await
        {
            tracing::warn!(error = chain(&error), "failed to poll for revoked keys");
        }
    }

    async fn write_what_is_left(&self) {
        let doorward = &self.components.doorward;
        let seen = doorward.last_seen.write().await;
        let mut outcomes = vec![("write last-seen times of sessions", seen)];
        if self.counts.is_due(doorward.now()) {
            let ctx = self.components.ctx(Actor::Worker);
            let suppressed = doorward.housekeeping.write_suppressed(&ctx).await;
            outcomes.push(("write the count of suppressed audit events", suppressed));
            outcomes.push((
                "count the outbox",
                doorward.outbox.refresh_limit(&ctx).await,
            ));
            outcomes.push(("write the totals", doorward.totals.write(NODE).await));
        }
        for (task, outcome) in outcomes {
            if let Err(error) = outcome {
                tracing::warn!(error = chain(&error), "failed to {task}");
            }
        }
    }
}

/// Something to be done at most once in a time, by the clock of the system: others may stop while a process is frozen.
struct Interval {
    length: SignedDuration,
    last: Mutex<Option<Timestamp>>,
}

impl Interval {
    fn every(length: SignedDuration) -> Self {
        Self {
            length,
            last: Mutex::default(),
        }
    }

    /// `true` if it is due; then the caller must do it. A clock that was set back makes it due.
    fn is_due(&self, now: Timestamp) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|at| {
            let age = now.duration_since(at);
            age.is_negative() || age >= self.length
        });
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

/// The request as the listener would have received it: the path without a host, and the address of the client, which API
/// Gateway has seen.
fn as_over_tcp(request: lambda_http::Request) -> Request {
    let client = client_address(&request);
    let (mut parts, body) = request.into_parts();
    if let Some(path) = parts.uri.path_and_query() {
        parts.uri = Uri::from(path.clone());
    }
    if let Some(address) = client {
        let peer = SocketAddr::new(address, 0);
        parts.extensions.insert(ConnectInfo(peer));
    }
    Request::from_parts(parts, Body::from(body.to_vec()))
}

fn client_address(request: &lambda_http::Request) -> Option<IpAddr> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_ref()?.parse().ok(),
        _ => None,
    }
}

/// API Gateway accepts one value for each field, so several become one (RFC 9110, 5.3). Cookies have their own list.
fn join_fields(headers: &mut HeaderMap) {
    let is_repeated =
        |name: &&HeaderName| **name != SET_COOKIE && headers.get_all(*name).iter().nth(1).is_some();
    let repeated: Vec<HeaderName> = headers.keys().filter(is_repeated).cloned().collect();
    for name in repeated {
        let values = headers.get_all(&name).iter().map(HeaderValue::as_bytes);
        let joined = values.collect::<Vec<_>>().join(&b", "[..]);
        if let Ok(value) = HeaderValue::from_bytes(&joined) {
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(fields: &str) -> lambda_http::Request {
        let event = format!(
            r#"{{"version":"2.0","rawPath":"/auth/a b","rawQueryString":"x=1&y=%20z","headers":{{"host":"accounts.example.com","x-forwarded-for":"192.0.2.9"}},{fields}"requestContext":{{"stage":"$default","http":{{"method":"POST","sourceIp":"198.51.100.7"}}}}}}"#
        );
        lambda_http::request::from_str(&event).unwrap()
    }

    #[tokio::test]
    async fn a_request_is_as_over_tcp() {
        let fields = r#""cookies":["a=1","b=2"],"body":"AP8B","isBase64Encoded":true,"#;
        let request = as_over_tcp(event(fields));
        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri(), "/auth/a%20b?x=1&y=%20z");
        assert_eq!(request.headers()["host"], "accounts.example.com");
        assert_eq!(request.headers()["cookie"], "a=1; b=2");
        let ConnectInfo(peer) = request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .unwrap();
        assert_eq!(peer.ip().to_string(), "198.51.100.7");
        let body = axum::body::to_bytes(request.into_body(), 10).await.unwrap();
        assert_eq!(*body, [0, 255, 1]);
    }

    #[test]
    fn repeated_fields_become_one_but_cookies_stay() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("vary", "accept"),
            ("vary", "cookie"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("etag", "x"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        join_fields(&mut headers);
        assert_eq!(headers["vary"], "accept, cookie");
        assert_eq!(headers.get_all("vary").iter().count(), 1);
        assert_eq!(headers.get_all("set-cookie").iter().count(), 2);
        assert_eq!(headers["etag"], "x");
    }

    #[test]
    fn an_interval_is_due_at_first_after_its_time_and_when_the_clock_was_set_back() {
        let interval = Interval::every(SignedDuration::from_secs(60));
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        for (seconds, is_due) in [(0, true), (59, false), (60, true), (61, false), (-5, true)] {
            let now = start + SignedDuration::from_secs(seconds);
            assert_eq!(interval.is_due(now), is_due, "{seconds}");
        }
    }
}
