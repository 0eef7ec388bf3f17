//! Network prefixes of client addresses.

use std::net::{IpAddr, Ipv4Addr};

/// The address itself; the IPv4 address if it is mapped or translated (RFC 6052, 2.1) into IPv6, since all
/// clients behind a translator would otherwise share one /64.
fn canonical(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => match v6.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                let [a, b] = high.to_be_bytes();
                let [c, d] = low.to_be_bytes();
                Ipv4Addr::new(a, b, c, d).into()
            }
            _ => v6.into(),
        },
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// The prefix that limits count by: IPv4 /32, IPv6 /64, the network of one customer.
pub fn address_key(address: IpAddr) -> String {
    match canonical(address) {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// The prefix that stays the same for a client at home: IPv4 /24, IPv6 /48.
pub fn network_key(address: IpAddr) -> String {
    match canonical(address) {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// all addresses of one customer have one key.
    #[test]
    fn one_customer_has_one_key() {
        for (address, key, network) in [
            ("192.0.2.1", "192.0.2.1", "192.0.2.0/24"),
            ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.0/24"),
            ("64:ff9b::192.0.2.1", "192.0.2.1", "192.0.2.0/24"),
            ("64:ff9b:1::1", "64:ff9b:1:0::/64", "64:ff9b:1::/48"),
            ("192.0.2.200", "192.0.2.200", "192.0.2.0/24"),
            (
                "2001:db8:1:ffff::9",
                "2001:db8:1:ffff::/64",
                "2001:db8:1::/48",
            ),
            (
                "2001:db8:1:2:3:4:5:6",
                "2001:db8:1:2::/64",
                "2001:db8:1::/48",
            ),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(address_key(address), key);
            assert_eq!(network_key(address), network);
        }
    }
}
