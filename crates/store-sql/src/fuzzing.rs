//! What the fuzzer asks of this crate's readers: one function a target, each with what must hold
//! whatever the bytes are. Only the fuzzer's build and the tests have it (`fuzz/src/lib.rs` says how to
//! add one).

use url::Url;

use crate::dialect::Dialect;
use crate::hosts;

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

/// A name, and what is done with any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target, by the name of its program and of its seeds' folder.
pub const TARGETS: &[Target] = &[("database_urls", database_urls)];

/// The word that stands for a password in the seeds: it is never said back.
const PASSWORD: &str = "hunter2";

/// C-02: the hosts of a URL are those that every reader of URLs finds, and what is said or shown of it
/// has no password in it.
pub fn database_urls(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // Which of them it is, is known by then.
    let dialect = Dialect::of_url(&text);
    if !matches!(dialect, Some(Dialect::Postgres | Dialect::Mysql)) {
        return;
    }
    let _: (String, String) = hosts::user_and_database(&text);
    let _: Option<&str> = hosts::ipv6_of(&text);
    let read = match hosts::of_url(&text) {
        Ok(read) => read,
        Err(error) => {
            assert!(!format!("{error} {error:?}").contains(PASSWORD), "{error}");
            return;
        }
    };
    assert!(!read.is_empty());
    let is_in_front = text.contains(&format!("{PASSWORD}@"));
    let is_once = text.matches(PASSWORD).count() == 1;
    for host in &read {
        assert!(!host.name.contains('@'), "{}", host.name);
        if is_in_front && is_once {
            assert!(!format!("{host:?} {}", host.name).contains(PASSWORD));
        }
        // Another reader takes control characters and spaces at the ends off.
        let is_plain = !text.contains(|c: char| c.is_control() || c.is_whitespace());
        if let (true, Ok(url), Ok(shown)) =
            (is_plain, Url::parse(&host.url), Url::parse(&host.name))
        {
            assert_eq!(url.host(), shown.host());
            assert_eq!((url.port(), url.path()), (shown.port(), shown.path()));
            assert!(shown.username().is_empty() && shown.password().is_none());
            if let Some(name) = url.host_str()
                && !host.is_remote
                && !text.contains('=')
                && url.path().len() > 1
            {
                let bare = name.trim_matches(['[', ']']);
                let is_here = bare.is_empty()
                    || bare == "localhost"
                    || bare.to_ascii_lowercase().starts_with("%2f")
                    || bare
                        .parse::<std::net::IpAddr>()
                        .is_ok_and(|address| address.is_loopback());
                assert!(is_here, "{name}");
            }
        }
    }
    if let [only] = read.as_slice() {
        assert_eq!(only.url, text);
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
