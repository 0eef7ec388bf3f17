//! One of the networks that proxies are named by; an address is one of its own (A-09, C-01).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network, by its first address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    pub(super) fn has(self, address: IpAddr) -> bool {
        let shared = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros()
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros()
            }
            _ => return false,
        };
        shared >= self.prefix
    }

    /// The first address in it.
    fn first(self) -> IpAddr {
        let rest = Self::length(self.address) - self.prefix;
        match self.address {
            IpAddr::V4(own) => {
                let mask = u32::MAX.checked_shl(rest).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(own.to_bits() & mask))
            }
            IpAddr::V6(own) => {
                let mask = u128::MAX.checked_shl(rest).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(own.to_bits() & mask))
            }
        }
    }

    /// The shortest prefix that is taken: that of the largest private networks, and of IPv6, where all that is in
    /// use lies close together, what the largest provider has to itself. Everybody in two halves is everybody.
    const fn widest(address: IpAddr) -> u32 {
        match address {
            IpAddr::V4(_) => 8,
            IpAddr::V6(address) if address.is_unique_local() => 7,
            IpAddr::V6(address) if address.is_unicast_link_local() => 10,
            IpAddr::V6(_) => 20,
        }
    }

    const fn length(address: IpAddr) -> u32 {
        match address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is neither an address nor a network such as 10.0.0.0/8");
        let (address, prefix) = text
            .split_once('/')
            .map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let address = address.to_canonical();
        let longest = Self::length(address);
        let prefix = match prefix {
            None => longest,
            Some(prefix) => prefix.parse().map_err(|_| wrong())?,
        };
        match prefix {
            prefix if prefix < Self::widest(address) => Err(format!(
                "`{text}` is too many: name the proxies alone, or anybody could give any address"
            )),
            prefix if prefix > longest => Err(wrong()),
            prefix => {
                let network = Self { address, prefix };
                let first = network.first();
                match first == address {
                    true => Ok(network),
                    // Whoever wrote it meant one of the two, and they differ by up to millions of strangers.
                    false => Err(format!(
                        "`{text}` is an address and a network at once: write {first}/{prefix} for all of that network, or {address} for the one proxy"
                    )),
                }
            }
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        match self.prefix == Self::length(self.address) {
            true => Ok(()),
            false => write!(f, "/{}", self.prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::TrustedProxies;

    /// C-01: two things in one, of which the wider one would be believed.
    #[test]
    fn a_network_with_an_address_in_it_is_refused_with_both() {
        for (text, network, address) in [
            ("10.1.2.3/8", "10.0.0.0/8", "10.1.2.3"),
            ("192.168.1.129/25", "192.168.1.128/25", "192.168.1.129"),
            ("192.0.2.3/31", "192.0.2.2/31", "192.0.2.3"),
            ("fd00::1/8", "fd00::/8", "fd00::1"),
            ("2001:db8::1/127", "2001:db8::/127", "2001:db8::1"),
        ] {
            let refused = text.parse::<TrustedProxies>().unwrap_err();
            assert!(
                refused.contains(&format!("write {network} for"))
                    && refused.contains(&format!("or {address} for")),
                "{refused}"
            );
            let written: TrustedProxies = format!("{network}, {address}").parse().unwrap();
            assert!(written.has(address.parse().unwrap()));
        }
        assert!(
            "192.0.2.3/32, fd00::1/128"
                .parse::<TrustedProxies>()
                .is_ok()
        );
    }
}
