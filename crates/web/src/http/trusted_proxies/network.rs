//! Checks the networks of `trusted_proxies` (A-09, C-01).

use std::net::IpAddr;

use ipnet::IpNet;

use crate::http::networks::Networks;

/// Parses addresses and networks. Rejects a network that is too large to be that of proxies.
pub(super) fn parse(text: &str) -> Result<Networks, String> {
    let networks: Networks = text.parse()?;
    let too_large = |network: &&IpNet| network.prefix_len() < min_prefix(network.addr());
    let found = networks.iter().find(too_large).copied();
    match found {
        None => Ok(networks),
        Some(network) => Err(format!(
            "`{network}` is too large: any client in it could forge its address. List only the proxies"
        )),
    }
}

/// Minimum prefix length: that of the largest private networks, and for public IPv6 that of the largest
/// provider.
const fn min_prefix(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 8,
        IpAddr::V6(address) if address.is_unique_local() => 7,
        IpAddr::V6(address) if address.is_unicast_link_local() => 10,
        IpAddr::V6(_) => 20,
    }
}

#[cfg(test)]
mod tests {
    use crate::http::trusted_proxies::TrustedProxies;

    /// C-01: the wider of the two meanings would be trusted.
    #[test]
    fn an_address_with_a_prefix_length_is_rejected_with_both_corrections() {
        for (text, network, address) in [
            ("10.1.2.3/8", "10.0.0.0/8", "10.1.2.3"),
            ("192.168.1.129/25", "192.168.1.128/25", "192.168.1.129"),
            ("fd00::1/8", "fd00::/8", "fd00::1"),
        ] {
            let error = text.parse::<TrustedProxies>().unwrap_err();
            assert!(
                error.contains(&format!("Write {network} for"))
                    && error.contains(&format!("or {address} for")),
                "{error}"
            );
            let both: TrustedProxies = format!("{network}, {address}").parse().unwrap();
            assert!(both.contains(address.parse().unwrap()));
        }
        let single = "192.0.2.3/32, fd00::1/128".parse::<TrustedProxies>();
        assert!(single.is_ok());
    }
}
