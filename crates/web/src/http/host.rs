//! Host names: the host of a URL or of `Host`, and whether it names this machine or a proxy has forwarded it.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::{FORWARDED, HOST, VIA};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use url::Url;

/// Returns the host of an absolute URL as it is written there, without the port; an IPv6 address is
/// in brackets.
pub fn host_of(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = after_scheme.split('/').next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Returns `true` if the host of a URL is `localhost` or a loopback address.
pub fn is_loopback_url(url: &str) -> bool {
    let url = Url::parse(url).ok();
    let host = url.as_ref().and_then(Url::host_str);
    host.is_some_and(is_loopback_host)
}

/// Returns `true` if the value of a `Host` header names this machine.
pub(crate) fn is_loopback_authority(text: &str) -> bool {
    let authority = text.parse::<Authority>();
    authority.is_ok_and(|authority| is_loopback_host(authority.host()))
}

/// Returns the hosts that a request names: one, or several in conflict; none if it has no `Host`.
pub(crate) fn requested_hosts(request: &Parts) -> impl Iterator<Item = &str> {
    let of_header = request.headers.get_all(HOST).into_iter();
    let of_header = of_header.map(|host| host.to_str().unwrap_or_default());
    // HTTP/2 sends the host in the URI.
    of_header.chain(request.uri.authority().map(Authority::as_str))
}

/// Headers in which nginx, Cloudflare, Akamai, Apache and Fastly send the address of the client.
const OF_PROXIES: [&str; 5] = [
    "cf-connecting-ip",
    "fastly-client-ip",
    "true-client-ip",
    "x-client-ip",
    "x-real-ip",
];

/// Returns `true` if the request has a header that only proxies add, regardless of its value.
pub(crate) fn is_forwarded(headers: &HeaderMap) -> bool {
    let mut names = headers.keys();
    names.any(|name| {
        *name == FORWARDED
            || *name == VIA
            || OF_PROXIES.contains(&name.as_str())
            || name.as_str().starts_with("x-forwarded-")
    })
}

fn is_loopback_host(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_and_loopback_addresses_name_this_machine() {
        for (authority, expected) in [
            ("localhost:8000", true),
            ("LOCALHOST", true),
            ("127.0.0.1:8000", true),
            ("127.9.9.9", true),
            ("[::1]:8000", true),
            ("[::1]", true),
            ("[::ffff:127.0.0.1]", true),
            ("localhost.example.com", false),
            ("localhosts", false),
            ("my.localhost", false),
            ("accounts.example.com", false),
            ("192.0.2.1:80", false),
            ("[2001:db8::1]:80", false),
        ] {
            let url = format!("http://{authority}/inbox");
            assert_eq!(is_loopback_url(&url), expected, "{url}");
            assert_eq!(is_loopback_authority(authority), expected, "{authority}");
        }
        assert!(!is_loopback_url("") && !is_loopback_url("localhost"));
        assert!(!is_loopback_authority("") && !is_loopback_authority("localhost:80@evil.example"));
        assert_eq!(
            host_of("https://accounts.example:8443/"),
            "accounts.example"
        );
        assert_eq!(host_of("http://[::1]:80"), "[::1]");
    }
}
