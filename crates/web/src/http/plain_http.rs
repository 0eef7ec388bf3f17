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
use axum::http::uri::PathAndQuery;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::http::negotiate;
use crate::http::problem::{Code, Problem};

/// Routes for machines nearby: health probes, and a proxy that sends the header of its own site.
pub(crate) const EXEMPT: [&str; 3] = ["/healthz", "/readyz", "/auth/check"];

/// Returns the rejection of a plain-HTTP request; `None` if the request is fine.
pub(crate) fn reject(app: &App, request: &Request) -> Option<Response> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let is_from_proxy =
        peer.is_some_and(|ConnectInfo(peer)| app.trusted_proxies.contains(peer.ip()));
    let (uri, headers) = (request.uri(), request.headers());
    let needs_https = app.origin.starts_with("https://") && !EXEMPT.contains(&uri.path());
    if !is_from_proxy || !needs_https || !is_plain(headers) {
        return None;
    }
    if !app.has_warned_of_plain_http.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "trusted proxy forwarded a plain-HTTP request but `public_url` is https; rejected. If TLS ends at an outer proxy, forward its X-Forwarded-Proto"
        );
    }
    let is_page =
        matches!(*request.method(), Method::GET | Method::HEAD) && negotiate::wants_html(headers);
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let location = format!("{}{path}", app.doorward.policy().public_url);
    Some(match HeaderValue::from_str(&location) {
        Ok(location) if is_page => {
            (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
        }
        _ => Problem::new(Code::HttpsRequired).into_response(),
    })
}

/// Returns `true` if all forwarded protocols are `http`. One `https` is enough to accept the request: a hop
/// between proxies can be plain, and a client that forges the header harms only itself.
fn is_plain(headers: &HeaderMap) -> bool {
    let texts = |name: &'static str| {
        let fields = headers.get_all(name).iter();
        fields.map(|field| field.to_str().unwrap_or_default())
    };
    let older = texts("x-forwarded-proto").flat_map(|text| text.split(','));
    // `Forwarded` (RFC 7239) counts if the older field is absent.
    let has_older = headers.contains_key("x-forwarded-proto");
    let hops = texts("forwarded").filter(|_| !has_older);
    let standard = hops
        .flat_map(|text| text.split([',', ';']))
        .filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let is_proto = name.trim().eq_ignore_ascii_case("proto");
            is_proto.then_some(value.trim().trim_matches('"'))
        });
    let protocols = older.map(str::trim).chain(standard);
    let mut protocols = protocols.filter(|protocol| !protocol.is_empty()).peekable();
    protocols.peek().is_some() && protocols.all(|protocol| protocol.eq_ignore_ascii_case("http"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H-12: forwarded protocols in the spellings of proxies.
    #[test]
    fn one_secure_hop_is_enough_and_a_missing_field_is_ignored() {
        for (fields, expected) in [
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
            assert_eq!(is_plain(&headers), expected, "{fields:?}");
        }
    }
}
