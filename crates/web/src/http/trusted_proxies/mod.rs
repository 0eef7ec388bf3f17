//! Determines the client's address behind reverse proxies.
//!
//! Without a proxy, the client's address is the peer's. A trusted proxy sends it in one header, which the operator
//! chooses: `X-Forwarded-For` or `Forwarded` (RFC 7239). That header is ignored if another peer sends it. The
//! other header is always ignored, since a proxy that does not write it forwards the client's. No link is built
//! from headers: links use `public_url`.

mod network;
mod warnings;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use axum::http::HeaderMap;

use crate::http::networks::Networks;

pub(crate) use warnings::ProxyWarning;

/// Addresses and networks of the reverse proxies. Empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Networks,
    header: ForwardedBy,
}

/// Header in which the proxies send the client's address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ForwardedBy {
    /// `X-Forwarded-For`, which most proxies write.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl TrustedProxies {
    /// Returns the client's address behind a peer: the last address in the header that is not a trusted proxy,
    /// since the client may have written those before it. Returns `None` if a trusted proxy sends no valid
    /// address: then no limit is charged, rather than one that all clients share.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = peer.to_canonical();
        if !self.contains(peer) {
            return Some(peer);
        }
        let fields: Vec<_> = headers.get_all(self.header.name()).iter().collect();
        for field in fields.iter().rev() {
            let field = as_ascii(field.as_bytes());
            // An empty list element is ignored (RFC 9110, 5.6.1).
            for hop in hops_from_the_right(&field).filter(|hop| !hop.trim().is_empty()) {
                let hop = match self.header {
                    ForwardedBy::XForwardedFor => address_of(hop),
                    ForwardedBy::Forwarded => node_of(hop),
                }?;
                if !self.contains(hop) {
                    return Some(hop);
                }
            }
        }
        None
    }

    /// Sets the header in which the proxies send the client's address.
    #[must_use]
    pub fn with_header(self, header: ForwardedBy) -> Self {
        Self { header, ..self }
    }

    /// The header in which the proxies send the client's address.
    pub(crate) fn header(&self) -> ForwardedBy {
        self.header
    }

    /// Returns `true` if a request seems to come through a proxy of the operator that is not in `trusted_proxies`.
    /// All its clients then share the limits of one address.
    pub(crate) fn has_unlisted_proxy(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let peer = peer.to_canonical();
        let is_near = match peer {
            IpAddr::V4(peer) => peer.is_loopback() || peer.is_private(),
            IpAddr::V6(peer) => peer.is_loopback() || peer.is_unique_local(),
        };
        is_near && !self.contains(peer) && headers.contains_key(self.header.name())
    }

    /// Returns `true` if the address is a trusted proxy.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.networks.contains(address)
    }
}

/// The field with `?` for each byte that is not ASCII, so that bytes of the client do not make the proxy's part
/// unreadable.
fn as_ascii(field: &[u8]) -> String {
    let as_char = |byte: &u8| {
        if byte.is_ascii() {
            char::from(*byte)
        } else {
            '?'
        }
    };
    field.iter().map(as_char).collect()
}

/// The hops of a field, the nearest first. A comma within quotes is part of a hop. Quotes are counted from the
/// right, so that an open quote of the client does not include the proxy's part.
fn hops_from_the_right(field: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    field.rsplit(move |sign| {
        is_quoted ^= sign == '"';
        sign == ',' && !is_quoted
    })
}

/// The address in an element of `Forwarded`; `None` if it has no single `for`, or one that is not an address
/// (`unknown`, `_hidden`).
fn node_of(element: &str) -> Option<IpAddr> {
    let mut is_quoted = false;
    let pairs = element.split(move |sign| {
        is_quoted ^= sign == '"';
        sign == ';' && !is_quoted
    });
    let mut nodes = pairs.filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    });
    let value = nodes.next().filter(|_| nodes.next().is_none())?;
    let bare = value.strip_prefix('"').map(|text| text.strip_suffix('"'));
    let node = bare.unwrap_or(Some(value))?;
    // IPv6 must be in brackets, since its last group could be a port.
    let is_clear = node.starts_with('[') || node.matches(':').count() < 2;
    address_of(node).filter(|_| is_clear)
}

/// The address of a hop, with or without a port.
pub(crate) fn address_of(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']'));
    let address = match bare {
        Some(bare) => bare.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => hop.parse().ok(),
    };
    let with_port = || hop.parse::<SocketAddr>().ok().map(|hop| hop.ip());
    Some(address.or_else(with_port)?.to_canonical())
}

/// Parses addresses and networks, separated by commas.
impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self {
            networks: network::parse(text)?,
            header: ForwardedBy::default(),
        })
    }
}

impl ForwardedBy {
    fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

impl FromStr for ForwardedBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::XForwardedFor, Self::Forwarded];
        let named = |header: &Self| header.name().eq_ignore_ascii_case(text);
        let found = all.into_iter().find(named);
        found.ok_or_else(|| "must be x-forwarded-for or forwarded".to_owned())
    }
}

impl fmt::Display for ForwardedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.networks, f)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[track_caller]
    fn client(trusted: &str, peer: &str, fields: &[&[u8]]) -> Option<String> {
        client_in(ForwardedBy::XForwardedFor, trusted, peer, fields)
    }

    fn client_in(
        header: ForwardedBy,
        trusted: &str,
        peer: &str,
        fields: &[&[u8]],
    ) -> Option<String> {
        let trusted: TrustedProxies = trusted.parse().unwrap();
        let trusted = trusted.with_header(header);
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(header.name(), HeaderValue::from_bytes(field).unwrap());
        }
        // Other headers are ignored.
        let (other, forged) = match header {
            ForwardedBy::XForwardedFor => ("forwarded", "for=192.0.2.99"),
            ForwardedBy::Forwarded => ("x-forwarded-for", "192.0.2.99"),
        };
        headers.append(other, HeaderValue::from_static(forged));
        headers.append("x-real-ip", HeaderValue::from_static("192.0.2.99"));
        let client = trusted.client(peer.parse().unwrap(), &headers);
        client.map(|address| address.to_string())
    }

    /// T-IP, A-09: the `Forwarded` header, if the operator has chosen it.
    #[test]
    fn the_last_untrusted_element_of_forwarded_is_the_client() {
        let ours = "10.0.0.0/8, fd00::/8";
        for (peer, fields, expected) in [
            (
                "203.0.113.5",
                &[&b"for=192.0.2.7"[..]][..],
                Some("203.0.113.5"),
            ),
            ("10.0.0.1", &[b"for=192.0.2.7"], Some("192.0.2.7")),
            ("10.0.0.1", &[b"For=\"192.0.2.7\""], Some("192.0.2.7")),
            ("10.0.0.1", &[b"for=\"192.0.2.7:4711\""], Some("192.0.2.7")),
            ("10.0.0.1", &[b"for=\"[2001:db8::1]\""], Some("2001:db8::1")),
            (
                "10.0.0.1",
                &[b"proto=https; for=\"[2001:db8::1]:4711\";by=10.0.0.1"],
                Some("2001:db8::1"),
            ),
            (
                "fd00::1",
                &[b"for=198.51.100.1, for=192.0.2.7 ,for=10.0.0.2"],
                Some("192.0.2.7"),
            ),
            (
                "10.0.0.1",
                &[b"for=198.51.100.1", b"for=192.0.2.7", b"for=10.0.0.2"],
                Some("192.0.2.7"),
            ),
            // The client's part of the field cannot include the proxy's part in quotes.
            (
                "10.0.0.1",
                &[b"for=\"198.51.100.1, for=192.0.2.7"],
                Some("192.0.2.7"),
            ),
            (
                "10.0.0.1",
                &[b"for=198.51.100.1;x=\"a,for=198.51.100.2\";for=1, for=192.0.2.7"],
                Some("192.0.2.7"),
            ),
            (
                "10.0.0.1",
                &[b"for=192.0.2.7;host=\"a,for=198.51.100.2;for=198.51.100.3\""],
                Some("192.0.2.7"),
            ),
            // Absent or invalid: `None`, and not the proxy's address.
            ("10.0.0.1", &[], None),
            ("10.0.0.1", &[b""], None),
            ("10.0.0.1", &[b"192.0.2.7"], None),
            ("10.0.0.1", &[b"for=unknown"], None),
            ("10.0.0.1", &[b"for=_hidden"], None),
            ("10.0.0.1", &[b"for=\"_gazonk:4711\""], None),
            ("10.0.0.1", &[b"proto=https"], None),
            ("10.0.0.1", &[b"for=192.0.2.7;for=192.0.2.8"], None),
            ("10.0.0.1", &[b"for=192.0.2.7, for=_hidden"], None),
            ("10.0.0.1", &[b"for=192.0.2.7,"], Some("192.0.2.7")),
            ("10.0.0.1", &[b"for=\xff, for=192.0.2.7"], Some("192.0.2.7")),
            ("10.0.0.1", &[b"for=\"192.0.2.7"], None),
            ("10.0.0.1", &[b"for=192.0.2.7\""], None),
            ("10.0.0.1", &[b"for=\""], None),
            ("10.0.0.1", &[b"for=2001:db8::1"], None),
            ("10.0.0.1", &[b"for=\"192.0.2\\.7\""], None),
            ("10.0.0.1", &[b"for=\"for=192.0.2.7\""], None),
        ] {
            let found = client_in(ForwardedBy::Forwarded, ours, peer, fields);
            let shown: Vec<_> = fields.iter().map(|f| String::from_utf8_lossy(f)).collect();
            assert_eq!(found.as_deref(), expected, "{peer} {shown:?}");
        }
    }

    #[test]
    fn the_header_setting_is_parsed_and_printed() {
        for name in ["x-forwarded-for", "forwarded"] {
            assert_eq!(name.parse::<ForwardedBy>().unwrap().to_string(), name);
        }
        assert_eq!("Forwarded".parse(), Ok(ForwardedBy::Forwarded));
        for wrong in ["", "x-real-ip", "both", "forwarded, x-forwarded-for"] {
            assert!(wrong.parse::<ForwardedBy>().is_err(), "{wrong}");
        }
    }

    /// T-IP, A-09.
    #[test]
    fn the_last_untrusted_hop_is_the_client() {
        let ours = "127.0.0.1, 10.0.0.0/8,fd00::/8";
        for (peer, fields, expected) in [
            // The header of another peer is ignored.
            ("203.0.113.5", &[&b"192.0.2.7"[..]][..], Some("203.0.113.5")),
            ("11.0.0.1", &[b"192.0.2.7"], Some("11.0.0.1")),
            ("fe80::1", &[b"192.0.2.7"], Some("fe80::1")),
            // The header of a trusted proxy is used.
            ("127.0.0.1", &[b"192.0.2.7"], Some("192.0.2.7")),
            ("::ffff:127.0.0.1", &[b"192.0.2.7"], Some("192.0.2.7")),
            ("10.255.0.1", &[b"2001:db8::1"], Some("2001:db8::1")),
            ("fdff::1", &[b"::ffff:192.0.2.7"], Some("192.0.2.7")),
            // Of several addresses, the last one that is not a trusted proxy.
            (
                "10.0.0.1",
                &[b"198.51.100.1, 192.0.2.7 ,10.0.0.2"],
                Some("192.0.2.7"),
            ),
            (
                "10.0.0.1",
                &[b"198.51.100.1", b"192.0.2.7", b"10.0.0.2,10.0.0.3"],
                Some("192.0.2.7"),
            ),
            ("10.0.0.1", &[b"nonsense, 192.0.2.7"], Some("192.0.2.7")),
            // With a port, as some proxies write it.
            ("10.0.0.1", &[b"192.0.2.7:4711"], Some("192.0.2.7")),
            ("10.0.0.1", &[b"[2001:db8::1]"], Some("2001:db8::1")),
            ("10.0.0.1", &[b"[2001:db8::1]:4711"], Some("2001:db8::1")),
            ("10.0.0.1", &[b"192.0.2.7, 10.0.0.2:80"], Some("192.0.2.7")),
            // Absent or invalid: `None`, and not the proxy's address.
            ("10.0.0.1", &[], None),
            ("10.0.0.1", &[b""], None),
            ("10.0.0.1", &[b"10.0.0.2, 127.0.0.1"], None),
            ("10.0.0.1", &[b"192.0.2.7, nonsense"], None),
            ("10.0.0.1", &[b"192.0.2.7,"], Some("192.0.2.7")),
            ("10.0.0.1", &[b"192.0.2.7, ,10.0.0.2, "], Some("192.0.2.7")),
            // Invalid bytes of the client are ignored.
            ("10.0.0.1", &[b"\xff, 192.0.2.7"], Some("192.0.2.7")),
            ("10.0.0.1", &[b"\xff", b"192.0.2.7"], Some("192.0.2.7")),
            ("10.0.0.1", &[b"192.0.2.7:99999"], None),
            ("10.0.0.1", &[b"[192.0.2.7]"], None),
            ("10.0.0.1", &[b"unknown"], None),
            ("10.0.0.1", &[b"192.0.2.\xff"], None),
        ] {
            let found = client(ours, peer, fields);
            assert_eq!(found.as_deref(), expected, "{peer} {fields:?}");
        }
        let unproxied = client("", "127.0.0.1", &[b"192.0.2.7"]);
        assert_eq!(unproxied.as_deref(), Some("127.0.0.1"));
    }

    ///
    #[test]
    fn an_unlisted_proxy_is_detected() {
        let trusted: TrustedProxies = "10.0.0.1".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("forwarded", HeaderValue::from_static("for=192.0.2.7"));
        let near = [
            "127.0.0.1",
            "::1",
            "10.0.0.2",
            "172.17.0.1",
            "fd00::1",
            "::ffff:192.168.0.1",
        ];
        let asks = |peer: &str, headers: &HeaderMap| {
            trusted.has_unlisted_proxy(peer.parse().unwrap(), headers)
        };
        assert!(near.iter().all(|peer| !asks(peer, &headers)));
        headers.insert("x-forwarded-for", HeaderValue::from_static("192.0.2.7"));
        assert!(near.iter().all(|peer| asks(peer, &headers)));
        for other in ["10.0.0.1", "203.0.113.5", "2001:db8::1"] {
            assert!(!asks(other, &headers), "{other}");
        }
    }

    #[test]
    fn networks_are_parsed_and_printed() {
        for (text, shown) in [
            ("", ""),
            (" 127.0.0.1 ,10.0.0.0/8, ", "127.0.0.1, 10.0.0.0/8"),
            ("::1,fd00::/8,192.0.2.1/32", "::1, fd00::/8, 192.0.2.1"),
            (
                "fc00::/7,fe80::/10,2a06:98c0::/29,2600::/20",
                "fc00::/7, fe80::/10, 2a06:98c0::/29, 2600::/20",
            ),
        ] {
            let read: TrustedProxies = text.parse().unwrap();
            assert_eq!(read.to_string(), shown);
            assert_eq!(shown.parse(), Ok(read));
        }
        for text in [
            "localhost",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "0.0.0.0/0",
            "::/0",
            "0.0.0.0/1,128.0.0.0/1",
            "10.0.0.0/7",
            "::/1",
            "2000::/3",
            "2000::/7",
            "2a00::/12",
            "2a00::/19",
            "fe80::/9",
            "127.0.0.1 10.0.0.1",
            "127.0.0.1:80",
        ] {
            assert!(text.parse::<TrustedProxies>().is_err(), "{text}");
        }
    }
}
