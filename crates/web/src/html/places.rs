//! Program and place of a client, for the lists of devices and of activity.

use std::net::IpAddr;

use doorward_domain::Ctx;
use doorward_domain::devices::ClientProgram;
use doorward_domain::limits::network_key;
use minijinja::{Value, context};

/// A client: its program and system, for the message `device-name`, and its place. Each may be unknown.
pub(crate) fn client(ctx: &Ctx, user_agent: Option<&str>, address: Option<IpAddr>) -> Value {
    let program = ClientProgram::of(user_agent);
    context! {
        name => program.name,
        system => program.system,
        place => address.map(|address| place(address, ctx.client.address)),
    }
}

/// Where a client was: a variant of the message `device-place`, with the address that it may name.
fn place(address: IpAddr, own: Option<IpAddr>) -> Value {
    let kind = match own {
        Some(own) if network_key(own) == network_key(address) => "same",
        _ if is_private(address) => "private",
        _ => "other",
    };
    context! { kind, address => address.to_canonical().to_string() }
}

/// Returns `true` for an address that is not reachable over the internet.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_same_network_a_private_network_or_an_address() {
        for (address, own, kind) in [
            ("203.0.113.7", Some("203.0.113.200"), "same"),
            ("192.168.1.2", Some("192.168.1.9"), "same"),
            ("192.168.1.2", Some("203.0.113.7"), "private"),
            ("::ffff:10.0.0.1", None, "private"),
            ("fd00::1", Some("2001:db8::1"), "private"),
            ("198.51.100.7", Some("203.0.113.7"), "other"),
            ("2001:db8:1::1", None, "other"),
        ] {
            let place = place(
                address.parse().unwrap(),
                own.map(|own| own.parse().unwrap()),
            );
            assert_eq!(place.get_attr("kind").unwrap(), kind.into(), "{address}");
        }
    }
}
