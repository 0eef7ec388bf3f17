//! The URL of Redis: `redis://user:password@host:6379/0`, or several hosts of a Cluster, separated by
//! commas. The `redis` crate parses it; `ca=FILE` is Doorward's own parameter.
//!
//! No error contains a part of the URL other than the name of a parameter, since a typing error may put
//! a password anywhere.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use url::Url;

const SHAPE: &str = "must be redis://, rediss:// (TLS) or redis+unix://, such as redis://user:password@host:6379/0; percent-encode special characters in a password (@ is %40, / is %2F, ? is %3F, # is %23)";

/// Hosts of Redis and how to connect to them. Its `Debug` contains no password.
#[derive(Debug, Clone)]
pub struct RedisUrl {
    hosts: Vec<ConnectionInfo>,
    /// File of trusted certificates. `None` for the system's.
    pub(crate) ca: Option<PathBuf>,
}

impl FromStr for RedisUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(SHAPE)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (format!("{login}@"), hosts),
            None => (String::new(), authority),
        };
        let mut redis = Self {
            hosts: Vec::new(),
            ca: None,
        };
        for host in hosts.split(',') {
            let url = Url::parse(&format!("{scheme}://{login}{host}{tail}"));
            redis.add(&url.map_err(|_| SHAPE)?)?;
        }
        Ok(redis)
    }
}

impl RedisUrl {
    fn add(&mut self, url: &Url) -> Result<(), String> {
        let parameters: &[&str] = match url.scheme() {
            "redis" | "valkey" => &[],
            "rediss" | "valkeys" => &["ca"],
            "redis+unix" | "valkey+unix" => &["db", "user", "pass"],
            _ => return Err(SHAPE.into()),
        };
        // `#insecure` would turn certificate checks off.
        if url.fragment().is_some() || (url.password().is_none() && !url.username().is_empty()) {
            return Err(SHAPE.into());
        }
        for (name, value) in url.query_pairs() {
            if !parameters.contains(&&*name) {
                return Err(unknown_parameter(&name));
            }
            if name == "ca" {
                self.ca = Some(PathBuf::from(value.into_owned()));
            }
        }
        let host = url.clone().into_connection_info().map_err(|_| SHAPE)?;
        // An ACL need not allow `CLIENT SETINFO`.
        let settings = host.redis_settings().clone().set_skip_set_lib_name();
        self.hosts.push(host.set_redis_settings(settings));
        Ok(())
    }

    pub(crate) fn hosts(&self) -> &[ConnectionInfo] {
        &self.hosts
    }

    /// The hosts, for messages.
    pub(crate) fn host_names(&self) -> String {
        let names: Vec<_> = self
            .hosts
            .iter()
            .map(|host| host.addr().to_string())
            .collect();
        names.join(", ")
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        let is_tls = |host: &ConnectionInfo| matches!(host.addr(), ConnectionAddr::TcpTls { .. });
        self.hosts.iter().all(is_tls)
    }

    /// Returns `true` if passwords and sessions cross a network without TLS.
    pub fn is_unencrypted(&self) -> bool {
        self.hosts.iter().any(|host| match host.addr() {
            ConnectionAddr::Tcp(host, _) => {
                let address = host.parse::<IpAddr>();
                host != "localhost" && !address.is_ok_and(|address| address.is_loopback())
            }
            _ => false,
        })
    }
}

fn unknown_parameter(name: &str) -> String {
    let is_word = name.len() < 32 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    match is_word {
        true => format!("has an unknown parameter `{name}` for this scheme"),
        false => "has an unknown parameter".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> RedisUrl {
        text.parse()
            .unwrap_or_else(|error| panic!("{text} {error}"))
    }

    #[test]
    fn every_part_is_parsed() {
        let url =
            parse("rediss://ben:p%40ss%3A%2F@a.example,b:6380,[::1]:6381/7?ca=/etc/my%20ca.pem");
        assert_eq!(url.host_names(), "a.example:6379, b:6380, ::1:6381");
        for host in url.hosts() {
            let settings = host.redis_settings();
            assert_eq!(
                (settings.username(), settings.password()),
                (Some("ben"), Some("p@ss:/"))
            );
            assert_eq!(settings.db(), 7);
        }
        assert!(url.is_encrypted());
        assert_eq!(url.ca, Some("/etc/my ca.pem".into()));
    }

    #[test]
    fn short_forms_are_parsed() {
        let url = parse("redis://localhost");
        assert_eq!(url.host_names(), "localhost:6379");
        assert!(!url.is_encrypted() && url.ca.is_none());
        let settings = parse("valkeys://:secret@a:1/").hosts()[0]
            .redis_settings()
            .clone();
        assert_eq!(
            (settings.username(), settings.password()),
            (None, Some("secret"))
        );
        let url = parse(" redis+unix:///run/redis/redis.sock?db=3&user=u&pass=p ");
        assert_eq!(url.host_names(), "/run/redis/redis.sock");
        assert_eq!(url.hosts()[0].redis_settings().db(), 3);
    }

    /// C-02, C-03.
    #[test]
    fn an_invalid_url_is_rejected_without_its_password() {
        for text in [
            "",
            "localhost:6379",
            "http://hunter2@a",
            "redis://",
            "redis://a,,b",
            "redis://a:70000",
            "redis://[::1",
            "redis://u:hunter2#x",
            "redis://a/b",
            "redis://hunter2@a",
            "rediss://u:hunter2@a/#insecure",
            "redis://a?ca=x",
            "redis://a?protocol=resp3",
            "redis://u:hunter?hunter2=x@a",
            "rediss://u:p@a?hunter2.is.not.a.word=1",
        ] {
            let error = text.parse::<RedisUrl>().unwrap_err();
            assert!(!error.contains("hunter2."), "{text}: {error}");
        }
        let error = "rediss://a?verify=no".parse::<RedisUrl>().unwrap_err();
        assert!(error.contains("`verify`"), "{error}");
        let shown = format!("{:?}", parse("redis://u:hunter2@a"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn plaintext_over_a_network_is_detected() {
        for (text, is_open) in [
            ("redis://10.0.0.1", true),
            ("redis://localhost,b", true),
            ("redis://127.0.0.1,[::1],localhost", false),
            ("rediss://b", false),
            ("redis+unix:///run/redis.sock", false),
        ] {
            assert_eq!(parse(text).is_unencrypted(), is_open, "{text}");
        }
    }
}
