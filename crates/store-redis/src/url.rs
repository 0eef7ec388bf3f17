//! What an operator writes, taken apart: `redis://user:password@host:port,host:port/db?ca=FILE`.
//!
//! No message of this file shows any part of what was written but the names of parameters and the
//! scheme, since a slip may put a password anywhere.

use std::path::PathBuf;
use std::str::FromStr;

use doorward_domain::values::Secret;
use percent_encoding::percent_decode_str;

const DEFAULT_PORT: u16 = 6379;

const HOSTS: &str = "must name hosts and maybe ports, such as redis://a:6379,b:6379; write signs like @ / ? # in a password as %40 %2F %3F %23";

/// Where Redis is, and how to get in. Prints no password.
#[derive(Debug, Clone)]
pub struct RedisUrl {
    pub(crate) seeds: Vec<Seed>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret<String>>,
    pub(crate) database: i64,
    pub(crate) tls: Tls,
}

/// A host to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seed {
    Tcp(String, u16),
    Unix(PathBuf),
}

/// Whether the connection is encrypted, and whose certificates are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tls {
    Off,
    System,
    Ca(PathBuf),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Plain,
    Tls,
    Unix,
}

impl Scheme {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "redis" | "valkey" => Some(Self::Plain),
            "rediss" | "valkeys" => Some(Self::Tls),
            "redis+unix" | "valkey+unix" => Some(Self::Unix),
            _ => None,
        }
    }

    /// The parameters it takes.
    fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Plain => &[],
            Self::Tls => &["ca"],
            Self::Unix => &["db"],
        }
    }
}

impl FromStr for RedisUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shape = "must be redis://, rediss:// (TLS) or redis+unix://, such as redis://user:password@host:6379/0";
        let (scheme, rest) = text.trim().split_once("://").ok_or(shape)?;
        let scheme = Scheme::parse(scheme).ok_or(shape)?;
        // A question mark before the host can only be a password's.
        let (rest, query) = match rest.split_once('?') {
            Some((_, query)) if query.contains('@') => return Err(HOSTS.into()),
            Some(parts) => parts,
            None => (rest, ""),
        };
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) => (Some(credentials), rest),
            None => (None, rest),
        };
        let (user, password) = credentials.map_or(Ok((None, None)), parse_credentials)?;
        let (hosts, path) = match rest.split_once('/') {
            Some((hosts, path)) => (hosts, path),
            None => (rest, ""),
        };
        let mut url = Self {
            seeds: Vec::new(),
            user,
            password,
            database: 0,
            tls: match scheme {
                Scheme::Tls => Tls::System,
                Scheme::Plain | Scheme::Unix => Tls::Off,
            },
        };
        if scheme == Scheme::Unix {
            if !hosts.is_empty() || path.is_empty() {
                return Err(
                    "must name a socket by its whole path: redis+unix:///run/redis/redis.sock"
                        .into(),
                );
            }
            url.seeds = vec![Seed::Unix(format!("/{}", decode(path)?).into())];
        } else {
            url.seeds = hosts.split(',').map(parse_host).collect::<Result<_, _>>()?;
            url.database = parse_database(path)?;
        }
        url.take_parameters(scheme, query)?;
        Ok(url)
    }
}

impl RedisUrl {
    fn take_parameters(&mut self, scheme: Scheme, query: &str) -> Result<(), String> {
        let known = scheme.parameters();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value)?;
            match name {
                "ca" if scheme == Scheme::Tls && !value.is_empty() => {
                    self.tls = Tls::Ca(value.into());
                }
                "db" if scheme == Scheme::Unix => self.database = parse_database(&value)?,
                "ca" if scheme == Scheme::Tls => {
                    return Err("`ca` must name a file of certificates".into());
                }
                "ca" => {
                    return Err("`ca` goes with rediss:// alone, which is Redis with TLS".into());
                }
                _ => return Err(unknown(name, known)),
            }
        }
        Ok(())
    }

    /// The hosts, for messages.
    pub fn hosts(&self) -> String {
        let shown = |seed: &Seed| match seed {
            Seed::Tcp(host, port) if host.contains(':') => format!("[{host}]:{port}"),
            Seed::Tcp(host, port) => format!("{host}:{port}"),
            Seed::Unix(path) => path.display().to_string(),
        };
        let hosts: Vec<_> = self.seeds.iter().map(shown).collect();
        hosts.join(", ")
    }

    /// Whether passwords and sessions would cross a network for anybody to read.
    pub fn is_open_to_listeners(&self) -> bool {
        let is_far = |seed: &Seed| match seed {
            Seed::Unix(_) => false,
            Seed::Tcp(host, _) => {
                host != "localhost"
                    && !host
                        .parse::<std::net::IpAddr>()
                        .is_ok_and(|address| address.is_loopback())
            }
        };
        self.tls == Tls::Off && self.seeds.iter().any(is_far)
    }
}

fn unknown(name: &str, known: &[&str]) -> String {
    let is_word = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && name.len() < 32;
    let named = if is_word {
        format!(" `{name}`")
    } else {
        String::new()
    };
    match known {
        [] => format!("has a parameter{named} that is not known; this scheme takes none"),
        known => format!(
            "has a parameter{named} that is not known; known is `{}`",
            known.join("`, `")
        ),
    }
}

type Credentials = (Option<String>, Option<Secret<String>>);

fn parse_credentials(text: &str) -> Result<Credentials, String> {
    let (user, password) = text
        .split_once(':')
        .ok_or("has a user name without a password: write redis://USER:PASSWORD@HOST")?;
    let user = Some(decode(user)?).filter(|user| !user.is_empty());
    let password = Secret::new(decode(password)?);
    if password.expose().is_empty() {
        return Err("has an empty password: leave `USER:@` out, or write the password".into());
    }
    Ok((user, Some(password)))
}

fn parse_host(text: &str) -> Result<Seed, String> {
    let wrong = HOSTS;
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or(wrong)?;
            address.parse::<std::net::Ipv6Addr>().map_err(|_| wrong)?;
            (
                address,
                port.strip_prefix(':')
                    .or(port.is_empty().then_some(""))
                    .ok_or(wrong)?,
            )
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let is_name = |sign: u8| sign.is_ascii_alphanumeric() || b".-_:".contains(&sign);
    if host.is_empty() || !host.bytes().all(is_name) {
        return Err(wrong.into());
    }
    let port = match port {
        "" => DEFAULT_PORT,
        port => port.parse().ok().filter(|port| *port != 0).ok_or(wrong)?,
    };
    Ok(Seed::Tcp(host.to_owned(), port))
}

fn parse_database(text: &str) -> Result<i64, String> {
    match text {
        "" => Ok(0),
        number => number
            .parse()
            .ok()
            .filter(|number| (0..=1_000_000).contains(number))
            .ok_or_else(|| {
                "must end in the number of a database, such as /0, or in nothing".into()
            }),
    }
}

fn decode(text: &str) -> Result<String, String> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err("has a percent sign that leads to no text".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> RedisUrl {
        text.parse()
            .unwrap_or_else(|wrong| panic!("{text} {wrong}"))
    }

    fn tcp(host: &str, port: u16) -> Seed {
        Seed::Tcp(host.to_owned(), port)
    }

    #[test]
    fn every_part_is_read() {
        let url =
            parse("rediss://door:p%40ss%3A%2F@a.example,b:6380,[::1]:6381/7?ca=/etc/my%20ca.pem");
        assert_eq!(
            url.seeds,
            [tcp("a.example", 6379), tcp("b", 6380), tcp("::1", 6381)]
        );
        assert_eq!(url.user.as_deref(), Some("door"));
        assert_eq!(url.password.as_ref().unwrap().expose(), "p@ss:/");
        assert_eq!(url.database, 7);
        assert_eq!(url.tls, Tls::Ca("/etc/my ca.pem".into()));
        assert_eq!(url.hosts(), "a.example:6379, b:6380, [::1]:6381");
    }

    #[test]
    fn short_forms_are_read() {
        let url = parse("redis://localhost");
        assert_eq!(
            (url.seeds, url.database, url.tls),
            (vec![tcp("localhost", 6379)], 0, Tls::Off)
        );
        assert!(url.user.is_none() && url.password.is_none());
        let url = parse("valkeys://:secret@a:1/");
        assert_eq!((url.user, url.tls), (None, Tls::System));
        assert_eq!(url.password.unwrap().expose(), "secret");
        let url = parse(" redis+unix://u:p@/run/redis/redis.sock?db=3 ");
        assert_eq!(url.seeds, [Seed::Unix("/run/redis/redis.sock".into())]);
        assert_eq!((url.user.as_deref(), url.database), (Some("u"), 3));
        // An `@` in a password that nobody encoded still leads to the right host.
        let url = parse("redis://u:p@ss@a");
        assert_eq!(url.password.unwrap().expose(), "p@ss");
    }

    #[test]
    fn what_is_wrong_is_said_and_no_password_is() {
        for (text, says) in [
            ("", "must be redis://"),
            ("localhost:6379", "must be redis://"),
            ("http://hunter2@a", "must be redis://"),
            ("redis://", "must name hosts"),
            ("redis://a,,b", "must name hosts"),
            ("redis://a:0", "must name hosts"),
            ("redis://a:70000", "must name hosts"),
            ("redis://[::1", "must name hosts"),
            ("redis://[hunter2]", "must name hosts"),
            ("redis://u:hunter?hunter2=x@a", "must name hosts"),
            ("redis://u:hunter2#x", "must name hosts"),
            ("redis://a/b", "must end in the number"),
            ("redis://a/-1", "must end in the number"),
            ("redis://hunter2@a", "user name without a password"),
            ("redis://u:@a", "empty password"),
            ("redis://u:%ff@a", "percent sign"),
            (
                "redis://a?db=1",
                "`db` that is not known; this scheme takes none",
            ),
            ("redis://a?ca=x", "rediss:// alone"),
            ("rediss://a?ca=", "must name a file"),
            (
                "rediss://a?insecure=1",
                "`insecure` that is not known; known is `ca`",
            ),
            (
                "rediss://a?hunter2%20=1",
                "has a parameter that is not known",
            ),
            ("redis+unix://a/b", "by its whole path"),
            ("redis+unix://", "by its whole path"),
        ] {
            let wrong = text.parse::<RedisUrl>().expect_err(text);
            assert!(wrong.contains(says), "{text}: {wrong}");
            assert!(!wrong.contains("hunter2"), "{text}: {wrong}");
        }
        let url = parse("redis://u:hunter2@a");
        assert!(!format!("{url:?}").contains("hunter2"));
    }

    #[test]
    fn what_crosses_a_network_in_the_open_is_known() {
        for (text, is_open) in [
            ("redis://127.0.0.1", false),
            ("redis://[::1]", false),
            ("redis://localhost", false),
            ("redis+unix:///run/redis.sock", false),
            ("rediss://cache.example", false),
            ("redis://cache.example", true),
            ("redis://localhost,10.0.0.1", true),
        ] {
            assert_eq!(parse(text).is_open_to_listeners(), is_open, "{text}");
        }
    }
}
