//! What the fuzzer asks of this crate's readers: one function a target, each with what must hold
//! whatever the bytes are. Only the fuzzer's build and the tests have it (`fuzz/src/lib.rs` says how to
//! add one).

use url::{Host, Url};

use crate::RedisUrl;
use crate::url::Seed;

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

/// A name, and what is done with any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target, by the name of its program and of its seeds' folder.
pub const TARGETS: &[Target] = &[("redis_urls", redis_urls)];

/// The word that stands for a password in the seeds: it is never said back.
const PASSWORD: &str = "hunter2";

/// C-02: of several hosts each is one, a single one is where every reader of URLs finds it, and nothing
/// that is said or shown has a password in it.
pub fn redis_urls(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let read = match text.parse::<RedisUrl>() {
        Ok(read) => read,
        Err(wrong) => {
            // The name of a parameter is said, and what stands behind a question mark is one.
            let before = text.split('?').next().unwrap_or_default();
            let is_once = text.matches(PASSWORD).count() == 1;
            let is_parameter = !is_once || !before.contains(PASSWORD);
            assert!(is_parameter || !wrong.contains(PASSWORD), "{wrong}");
            return;
        }
    };
    assert!(!read.seeds.is_empty() && read.database >= 0);
    assert!(!read.hosts().is_empty());
    if let Some(password) = &read.password
        && password.expose().contains(PASSWORD)
        && text.matches(PASSWORD).count() == 1
    {
        let shown = format!("{read:?} {}", read.hosts());
        assert!(!shown.contains(PASSWORD), "{shown}");
    }
    // Ours forgives a password that has signs in it which end the host for others.
    let (before, _) = text.rsplit_once('@').unwrap_or_default();
    let credentials = before.split_once("://").map_or("", |(_, rest)| rest);
    if credentials.contains(['/', '?', '#', '\\']) {
        return;
    }
    if let ([Seed::Tcp(host, port)], Ok(url)) = (read.seeds.as_slice(), Url::parse(text.trim())) {
        let found = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => String::new(),
        };
        let ours = host
            .parse::<std::net::IpAddr>()
            .map_or_else(|_| host.clone(), |address| address.to_string());
        assert!(found.eq_ignore_ascii_case(&ours), "{ours} is {found}");
        assert_eq!(url.port().unwrap_or(6379), *port);
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
