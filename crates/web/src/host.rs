//! Names of hosts: where one stands in a URL or in `Host`, and which of them mean this machine.
//!
//! The one place that says so: what may be without TLS, what a browser shall not remember, and who
//! reads the inbox follow from it.

use std::net::IpAddr;

/// The host of a URL, without its port; an IPv6 address in its brackets.
pub fn host_of(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = after_scheme.split('/').next();
    without_port(authority.unwrap_or_default())
}

/// Whether a URL leads to the machine that it is read on.
pub fn is_loopback_url(url: &str) -> bool {
    is_this_machine(host_of(url))
}

/// What `Host` names, without the port.
pub(crate) fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Whether a name is every machine's own: `localhost`, or an address of loopback.
pub(crate) fn is_this_machine(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_its_names_alone() {
        for (url, host, is_here) in [
            ("http://localhost:8000", "localhost", true),
            ("https://LOCALHOST", "LOCALHOST", true),
            ("http://127.0.0.1:8000/inbox", "127.0.0.1", true),
            ("http://127.9.9.9", "127.9.9.9", true),
            ("http://[::1]:8000", "[::1]", true),
            ("http://[::1]", "[::1]", true),
            ("http://[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]", true),
            ("localhost", "localhost", true),
            (
                "https://localhost.example.com",
                "localhost.example.com",
                false,
            ),
            ("https://localhosts", "localhosts", false),
            ("https://my.localhost", "my.localhost", false),
            (
                "https://accounts.example.com/",
                "accounts.example.com",
                false,
            ),
            ("http://192.0.2.1:80", "192.0.2.1", false),
            ("http://[2001:db8::1]:80", "[2001:db8::1]", false),
            ("", "", false),
        ] {
            assert_eq!(host_of(url), host, "{url}");
            assert_eq!(is_loopback_url(url), is_here, "{url}");
        }
        assert_eq!(
            without_port("localhost:80@evil.example"),
            "localhost:80@evil.example"
        );
    }
}
