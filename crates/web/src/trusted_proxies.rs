//! Whose word on the client's address is believed.
//!
//! Without a proxy the client's address is the peer's. A proxy that the operator names says in one field,
//! which the operator names too, whom it speaks for: `X-Forwarded-For`, or `Forwarded` (RFC 7239); anybody
//! else who sends that field only says it, and the other field is never looked at, since a proxy that
//! does not write it lets everybody's through. Nothing but the address is taken from a request's word:
//! links are built from `public_url`.

mod network;
mod warnings;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use axum::http::HeaderMap;
use ipnet::IpNet;

pub(crate) use warnings::ProxyWarning;

/// The addresses and networks of the proxies in front. None by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    header: ForwardedBy,
}

/// The one field in which they name their clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ForwardedBy {
    /// `X-Forwarded-For`, which most proxies write.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl TrustedProxies {
    /// The client behind a peer: the last address in the field that is none of ours, for what stands
    /// before it the client may have written itself. None where a proxy of ours does not tell, or tells
    /// what is no address: then nobody's budget is charged, rather than everybody's.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = peer.to_canonical();
        if !self.has(peer) {
            return Some(peer);
        }
        let fields: Vec<_> = headers.get_all(self.header.name()).iter().collect();
        for field in fields.iter().rev() {
            let field = as_ascii(field.as_bytes());
            // What stands between two commas and is nothing is no element (RFC 9110, 5.6.1).
            for hop in hops_from_the_right(&field).filter(|hop| !hop.trim().is_empty()) {
                let hop = match self.header {
                    ForwardedBy::XForwardedFor => address_of(hop),
                    ForwardedBy::Forwarded => node_of(hop),
                }?;
                if !self.has(hop) {
                    return Some(hop);
                }
            }
        }
        None
    }

    /// The same proxies, naming their clients in that field.
    #[must_use]
    pub fn naming_clients_in(self, header: ForwardedBy) -> Self {
        Self { header, ..self }
    }

    /// The field in which they name their clients.
    pub(crate) fn header(&self) -> ForwardedBy {
        self.header
    }

    /// Whether a request looks as if it came through a proxy of the operator's own that is named nowhere:
    /// all its people then share what one address may do.
    pub(crate) fn are_forgotten(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let peer = peer.to_canonical();
        let is_near = match peer {
            IpAddr::V4(peer) => peer.is_loopback() || peer.is_private(),
            IpAddr::V6(peer) => peer.is_loopback() || peer.is_unique_local(),
        };
        is_near && !self.has(peer) && headers.contains_key(self.header.name())
    }

    /// Whether that is a proxy of ours, and not a stranger.
    pub fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }
}

/// The field with a mark for each byte that no address has: what a client wrote far to the left shall
/// not make what a proxy has added to it unreadable.
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

/// The hops of a field, the nearest first. A comma within quotes is part of a hop; quotes are counted
/// from the right, so that what a client has written cannot swallow what a proxy has added to it.
fn hops_from_the_right(field: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    field.rsplit(move |sign| {
        is_quoted ^= sign == '"';
        sign == ',' && !is_quoted
    })
}

/// The address in an element of `Forwarded`; none where its client is not named, or by a name that
/// tells no address (`unknown`, `_hidden`).
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
    // IPv6 stands in brackets: else its last part and a port would look alike.
    let is_clear = node.starts_with('[') || node.matches(':').count() < 2;
    address_of(node).filter(|_| is_clear)
}

/// The address of a hop. Some proxies write the port as well.
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

/// Addresses and networks, with commas.
impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = text.split(',').map(str::trim);
        let networks = names.filter(|name| !name.is_empty()).map(network::parse);
        Ok(Self {
            networks: networks.collect::<Result<_, _>>()?,
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
        let networks: Vec<_> = self.networks.iter().map(network::to_text).collect();
        f.write_str(&networks.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[track_caller]
    fn client(trusted: &str, peer: &str, fields: &[&[u8]]) -> Option<String> {
        told(ForwardedBy::XForwardedFor, trusted, peer, fields)
    }

    fn told(header: ForwardedBy, trusted: &str, peer: &str, fields: &[&[u8]]) -> Option<String> {
        let trusted: TrustedProxies = trusted.parse().unwrap();
        let trusted = trusted.naming_clients_in(header);
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(header.name(), HeaderValue::from_bytes(field).unwrap());
        }
        // What is said elsewhere counts for nothing.
        let (other, said) = match header {
            ForwardedBy::XForwardedFor => ("forwarded", "for=192.0.2.99"),
            ForwardedBy::Forwarded => ("x-forwarded-for", "192.0.2.99"),
        };
        headers.append(other, HeaderValue::from_static(said));
        headers.append("x-real-ip", HeaderValue::from_static("192.0.2.99"));
        let client = trusted.client(peer.parse().unwrap(), &headers);
        client.map(|address| address.to_string())
    }

    /// T-IP, A-09: what `Forwarded` says, where the operator has named that field.
    #[test]
    fn the_last_element_that_is_not_ours_names_the_client() {
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
            // What a client writes cannot swallow what the proxy adds to it, nor hide in quotes.
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
            // Not told, or not understood: unknown, and not the proxy.
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
            let found = told(ForwardedBy::Forwarded, ours, peer, fields);
            let shown: Vec<_> = fields.iter().map(|f| String::from_utf8_lossy(f)).collect();
            assert_eq!(found.as_deref(), expected, "{peer} {shown:?}");
        }
    }

    #[test]
    fn the_field_is_read_and_shown() {
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
    fn the_last_hop_that_is_not_ours_is_the_client() {
        let ours = "127.0.0.1, 10.0.0.0/8,fd00::/8";
        for (peer, fields, expected) in [
            // Nobody else is believed.
            ("203.0.113.5", &[&b"192.0.2.7"[..]][..], Some("203.0.113.5")),
            ("11.0.0.1", &[b"192.0.2.7"], Some("11.0.0.1")),
            ("fe80::1", &[b"192.0.2.7"], Some("fe80::1")),
            // Ours are.
            ("127.0.0.1", &[b"192.0.2.7"], Some("192.0.2.7")),
            ("::ffff:127.0.0.1", &[b"192.0.2.7"], Some("192.0.2.7")),
            ("10.255.0.1", &[b"2001:db8::1"], Some("2001:db8::1")),
            ("fdff::1", &[b"::ffff:192.0.2.7"], Some("192.0.2.7")),
            // Of many, the one that the first of ours has seen.
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
            // Not told, or not understood: unknown, and not the proxy.
            ("10.0.0.1", &[], None),
            ("10.0.0.1", &[b""], None),
            ("10.0.0.1", &[b"10.0.0.2, 127.0.0.1"], None),
            ("10.0.0.1", &[b"192.0.2.7, nonsense"], None),
            ("10.0.0.1", &[b"192.0.2.7,"], Some("192.0.2.7")),
            ("10.0.0.1", &[b"192.0.2.7, ,10.0.0.2, "], Some("192.0.2.7")),
            // What a client wrote to the left makes nothing unreadable.
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
        let nobody = client("", "127.0.0.1", &[b"192.0.2.7"]);
        assert_eq!(nobody.as_deref(), Some("127.0.0.1"));
    }

    ///
    #[test]
    fn a_proxy_that_is_named_nowhere_is_noticed() {
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
        let asks =
            |peer: &str, headers: &HeaderMap| trusted.are_forgotten(peer.parse().unwrap(), headers);
        assert!(near.iter().all(|peer| !asks(peer, &headers)));
        headers.insert("x-forwarded-for", HeaderValue::from_static("192.0.2.7"));
        assert!(near.iter().all(|peer| asks(peer, &headers)));
        for other in ["10.0.0.1", "203.0.113.5", "2001:db8::1"] {
            assert!(!asks(other, &headers), "{other}");
        }
    }

    #[test]
    fn networks_are_read_and_shown() {
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
