//! Lists of addresses and networks, as settings contain them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// Addresses and networks, separated by commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Returns `true` if there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The networks.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &IpNet> {
        self.0.iter()
    }

    /// Returns `true` if the address is in one of the networks.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for Networks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = text.split(',').map(str::trim);
        let networks = names.filter(|name| !name.is_empty()).map(parse);
        Ok(Self(networks.collect::<Result<_, _>>()?))
    }
}

/// Parses an address or a network in CIDR notation.
pub(crate) fn parse(text: &str) -> Result<IpNet, String> {
    let invalid = |_| format!("`{text}` is not an address or a network such as 10.0.0.0/8");
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address.to_canonical()),
        Err(_) => canonical(text.parse().map_err(invalid)?),
    };
    let (network_only, address) = (network.trunc(), network.addr());
    if network_only != network {
        return Err(format!(
            "`{text}` has an address inside a network. Write {network_only} for the whole network, or {address} for this address alone"
        ));
    }
    Ok(network)
}

/// A network of IPv4 addresses in IPv6 (`::ffff:203.0.113.0/120`) as one of IPv4: addresses are compared in that form.
fn canonical(network: IpNet) -> IpNet {
    let address = network.addr().to_canonical();
    let prefix = network.prefix_len().checked_sub(96);
    match (network, address, prefix) {
        (IpNet::V6(_), IpAddr::V4(_), Some(prefix)) => IpNet::new(address, prefix),
        _ => return network,
    }
    .unwrap_or(network)
}

/// A network of one address is written as that address.
impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to_text = |network: &IpNet| match network.prefix_len() == network.max_prefix_len() {
            true => network.addr().to_string(),
            false => network.to_string(),
        };
        let texts: Vec<_> = self.0.iter().map(to_text).collect();
        f.write_str(&texts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv4_addresses_in_ipv6_is_one_of_ipv4() {
        for (text, expected) in [
            ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
            ("::ffff:203.0.113.7/128", "203.0.113.7/32"),
            ("::ffff:203.0.113.7", "203.0.113.7/32"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), expected, "{text}");
        }
        assert!(parse("::ffff:203.0.113.7/120").is_err());
    }
}
