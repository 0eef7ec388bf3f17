//! What the fuzzer asks of this crate's readers: one function a target, each with what must hold
//! whatever the bytes are. Only the fuzzer's build and the tests have it (`fuzz/src/lib.rs` says how to
//! add one).

use url::{Host, Url};

use crate::{Security, TransportSettings, parse_transport};

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

/// A name, and what is done with any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target, by the name of its program and of its seeds' folder.
pub const TARGETS: &[Target] = &[("mail_urls", mail_urls)];

/// The word that stands for a password in the seeds: it is never said back.
const PASSWORD: &str = "hunter2";

/// C-02, C-03: mail leaves this machine under TLS alone, to the host that every reader of URLs finds,
/// and what is wrong is said without what was written.
pub fn mail_urls(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let settings = match parse_transport(&text) {
        Ok(TransportSettings::Smtp(settings)) => settings,
        Ok(_) => return,
        Err(error) => {
            let told = format!("{error} {error:?}");
            assert!(!told.contains(PASSWORD), "{told}");
            return;
        }
    };
    assert!(!settings.host.is_empty() && settings.port > 0);
    assert!(
        !settings
            .host
            .contains(|c: char| c.is_control() || c.is_whitespace() || "@/?#[]".contains(c))
    );
    let is_loopback = settings.host == "localhost"
        || settings.host.to_ascii_lowercase().ends_with(".localhost")
        || settings
            .host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback());
    let is_protected = matches!(
        settings.security,
        Security::StartTls | Security::ImplicitTls
    );
    assert!(is_protected || is_loopback, "{}", settings.host);
    if let Some(login) = &settings.login {
        let shown = format!("{settings:?}");
        // A name may look like it.
        let is_once = text.matches(PASSWORD).count() == 1;
        let is_it = is_once && login.password.expose().contains(PASSWORD);
        assert!(!is_it || !shown.contains(PASSWORD), "{shown}");
    }
    if let Ok(url) = Url::parse(text.trim()) {
        let host = match url.host() {
            Some(Host::Domain(name)) => name.to_ascii_lowercase(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => String::new(),
        };
        let ours = settings.host.parse::<std::net::IpAddr>().map_or_else(
            |_| settings.host.to_ascii_lowercase(),
            |address| address.to_string(),
        );
        assert_eq!(ours, host, "{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-02: what the fuzzer begins with, on every machine.
    #[test]
    fn every_seed_is_read_as_it_must_be() {
        replay::seeds_of(TARGETS);
    }
}
