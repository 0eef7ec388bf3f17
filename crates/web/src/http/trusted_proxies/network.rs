//! Parses the networks of `trusted_proxies` (A-09, C-01).

use std::net::IpAddr;

use ipnet::IpNet;

/// Parses an address or a network in CIDR notation.
pub(super) fn parse(text: &str) -> Result<IpNet, String> {
    let invalid = |_| format!("`{text}` is not an address or a network such as 10.0.0.0/8");
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address.to_canonical()),
        Err(_) => text.parse::<IpNet>().map_err(invalid)?,
    };
    if network.prefix_len() < min_prefix(network.addr()) {
        return Err(format!(
            "`{text}` is too large: any client in it could forge its address. List only the proxies"
        ));
    }
    let (network_only, address) = (network.trunc(), network.addr());
    if network_only != network {
        return Err(format!(
            "`{text}` has an address inside a network. Write {network_only} for the whole network, or {address} for one proxy"
        ));
    }
    Ok(network)
}

/// Writes a network of one address as that address.
pub(super) fn to_text(network: &IpNet) -> String {
    match network.prefix_len() == network.max_prefix_len() {
        true => network.addr().to_string(),
        false => network.to_string(),
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
