//! Rejects plain HTTP if `public_url` is `https` (H-12).
//!
//! A program that uses `http` has sent its token in the clear: it is rejected, so that it gets fixed. A browser
//! is redirected to `public_url`. The protocol is known only from a trusted proxy, by `X-Forwarded-Proto` or
//! `Forwarded`; without it, nothing is assumed. A server with its own TLS accepts no plain requests.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderValue;
use axum::http::header::{self, HeaderMap};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::http::negotiate;
use crate::http::problem::{Code, Problem};

/// Routes for machines nearby: health probes, and a proxy that sends the header of its own site.
pub(crate) const EXEMPT: [&str; 3] = ["/healthz", "/readyz", "/auth/check"];

/// Returns the rejection of a plain-HTTP request; `None` if the request is fine.
pub(crate) fn refuse(app: &App, request: &Request) -> Option<Response> {
    let is_refused = came_without_tls(app, request) && !EXEMPT.contains(&request.uri().path());
    is_refused.then(|| refused(app, request))
}

fn refused(app: &App, request: &Request) -> Response {
    if !app.has_warned_of_plain_http.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "trusted proxy forwarded a plain-HTTP request but `public_url` is https; rejected. If TLS ends at an outer proxy, forward its X-Forwarded-Proto"
        );
    }
    let is_look = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_look || !negotiate::wants_html(request.headers()) {
        return Problem::new(Code::HttpsRequired).into_response();
    }
    let path = request.uri().path_and_query();
    let path = path.map_or("/", |path| path.as_str());
    let place = format!("{}{path}", app.doorward.policy().public_url);
    match HeaderValue::from_str(&place) {
        Ok(place) => (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response(),
        Err(_) => Problem::new(Code::HttpsRequired).into_response(),
    }
}

fn came_without_tls(app: &App, request: &Request) -> bool {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let is_ours = peer.is_some_and(|ConnectInfo(peer)| app.trusted_proxies.has(peer.ip()));
    is_ours && app.origin.starts_with("https://") && says_http(request.headers())
}

/// Returns `true` if all forwarded protocols are `http`. One `https` is enough to accept the request: a hop
/// between proxies can be plain, and a client that forges the header harms only itself.
fn says_http(headers: &HeaderMap) -> bool {
    let mut words = words(headers).peekable();
    words.peek().is_some() && words.all(|word| word.eq_ignore_ascii_case("http"))
}

/// The forwarded protocols: of `X-Forwarded-Proto`, else of `Forwarded` (RFC 7239).
fn words(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let texts = |name: &'static str| {
        let fields = headers.get_all(name).iter();
        fields.map(|field| field.to_str().unwrap_or_default())
    };
    let older = texts("x-forwarded-proto").flat_map(|text| text.split(','));
    let hops = texts("forwarded").flat_map(|text| text.split([',', ';']));
    let standard = hops.filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let is_proto = name.trim().eq_ignore_ascii_case("proto");
        is_proto.then_some(value.trim().trim_matches('"'))
    });
    let has_older = headers.contains_key("x-forwarded-proto");
    let standard = standard.filter(move |_| !has_older);
    older
        .map(str::trim)
        .chain(standard)
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H-12: forwarded protocols in the spellings of proxies.
    #[test]
    fn one_secure_hop_is_enough_and_silence_says_nothing() {
        for (fields, is_plain) in [
            (&[][..], false),
            (&[("x-forwarded-proto", "http")], true),
            (&[("x-forwarded-proto", "HTTP")], true),
            (&[("x-forwarded-proto", "https")], false),
            (&[("x-forwarded-proto", "https, http")], false),
            (&[("x-forwarded-proto", "http,http")], true),
            (&[("x-forwarded-proto", "http,")], true),
            (&[("x-forwarded-proto", "")], false),
            (&[("x-forwarded-proto", "ws")], false),
            (&[("forwarded", "for=192.0.2.7;proto=http;by=x")], true),
            (&[("forwarded", "for=192.0.2.7; Proto=\"https\"")], false),
            (&[("forwarded", "proto=http, for=x;proto=https")], false),
            (&[("forwarded", "for=192.0.2.7")], false),
            (
                &[("x-forwarded-proto", "https"), ("forwarded", "proto=http")],
                false,
            ),
            (
                &[
                    ("x-forwarded-proto", "http"),
                    ("x-forwarded-proto", "https"),
                ],
                false,
            ),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, HeaderValue::from_static(value));
            }
            assert_eq!(says_http(&headers), is_plain, "{fields:?}");
        }
    }
}
