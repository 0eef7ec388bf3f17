//! The database URL, and the parts of it that may be shown.
//!
//! Logs, errors and `doorward doctor` show [`DatabaseUrl::display`] only: the URL may contain a password.

use std::net::{IpAddr, Ipv6Addr};

use url::{Host, Url};

use crate::dialect::{self, Dialect};
use crate::error::ConnectError;
use crate::sqlite_file::{self, MissingFile};

/// Form of a server's URL.
const FORM: &str = "write SCHEME://USER:PASSWORD@HOST:PORT/DATABASE, and in a user's name or password \
    / as %2F, # as %23, ? as %3F, @ as %40 and % as %25";

/// A URL that was checked without connecting.
pub(crate) struct DatabaseUrl {
    pub(crate) dialect: Dialect,
    text: String,
    /// The URL without user, password and parameters.
    pub(crate) display: String,
    /// The user, as the URL spells it.
    pub(crate) user: String,
    /// The database, as the URL spells it.
    pub(crate) database: String,
    /// `true` if a connection leaves this machine.
    pub(crate) is_remote: bool,
    /// `true` if the URL refuses a connection without TLS.
    pub(crate) requires_tls: bool,
    ipv6: Option<Ipv6Addr>,
}

impl DatabaseUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, ConnectError> {
        match Dialect::of_url(text).ok_or(ConnectError::Scheme)? {
            Dialect::Sqlite => Self::parse_file(text),
            dialect => Self::parse_server(dialect, text),
        }
    }

    fn parse_file(text: &str) -> Result<Self, ConnectError> {
        sqlite_file::path_of(text)?;
        Ok(Self {
            dialect: Dialect::Sqlite,
            text: text.to_owned(),
            display: text.split('?').next().unwrap_or_default().to_owned(),
            user: String::new(),
            database: String::new(),
            is_remote: false,
            requires_tls: false,
            ipv6: None,
        })
    }

    fn parse_server(dialect: Dialect, text: &str) -> Result<Self, ConnectError> {
        if has_several_hosts(text) {
            let why = "it names several hosts; name one that always leads to the primary: \
                a DNS name, a proxy or a virtual address";
            return Err(ConnectError::Url(why.to_owned()));
        }
        let url = Url::parse(text).map_err(|error| malformed(&error.to_string()))?;
        let rest = text.split_once("://").map_or("", |(_, rest)| rest);
        let after_authority = rest.find(['/', '?']).map_or("", |at| &rest[at..]);
        if !url.has_authority() || url.fragment().is_some() || after_authority.contains('@') {
            return Err(malformed("it cannot be parsed"));
        }
        let parameter = |name: &str| {
            let mut pairs = url.query_pairs();
            pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
        };
        let path = url.path().trim_start_matches('/').to_owned();
        let database = match path.is_empty() {
            true => parameter("dbname").unwrap_or_default(),
            false => path,
        };
        if database.is_empty() {
            return Err(malformed("it names no database"));
        }
        let ipv6 = match url.host() {
            Some(Host::Ipv6(address)) => Some(address),
            _ => None,
        };
        if dialect == Dialect::Mysql && ipv6.is_some() {
            let why = "the driver of MySQL and MariaDB takes no IPv6 address: \
                give the host a name in DNS or in /etc/hosts";
            return Err(ConnectError::Url(why.to_owned()));
        }
        let override_host = parameter("host").or_else(|| parameter("socket"));
        let is_remote = match override_host {
            Some(host) => !host.starts_with('/') && is_remote(&host),
            None => match url.host() {
                Some(Host::Domain(name)) => is_remote(name),
                Some(Host::Ipv4(address)) => !address.is_loopback(),
                Some(Host::Ipv6(address)) => !address.is_loopback(),
                None => false,
            },
        };
        Ok(Self {
            dialect,
            text: text.to_owned(),
            display: display(&url),
            user: url.username().to_owned(),
            database,
            is_remote,
            requires_tls: dialect::check_parameters(dialect, &url).map_err(ConnectError::Url)?,
            ipv6,
        })
    }

    /// The URL for the driver. A server's connection keeps up to 1024 statements prepared, since MySQL
    /// is slow to close one. The driver finds the IPv6 address of a PostgreSQL server only by a
    /// parameter.
    pub(crate) fn driver_url(&self, missing: MissingFile) -> Result<String, ConnectError> {
        if self.dialect == Dialect::Sqlite {
            return sqlite_file::driver_url(&self.text, missing);
        }
        let joint = if self.text.contains('?') { '&' } else { '?' };
        let host = self.ipv6.map(|address| format!("host={address}&"));
        let host = host.unwrap_or_default();
        Ok(format!(
            "{}{joint}{host}statement-cache-capacity=1024",
            self.text
        ))
    }
}

/// Checks a database URL without connecting. The error shows no part that may be secret.
pub fn check_url(url: &str) -> Result<(), ConnectError> {
    DatabaseUrl::parse(url).map(|_| ())
}

fn malformed(why: &str) -> ConnectError {
    ConnectError::Url(format!("{why}; {FORM}"))
}

fn has_several_hosts(text: &str) -> bool {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let hosts = authority.rsplit('@').next().unwrap_or_default();
    hosts.contains(',')
}

fn display(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    // These fail for a URL without a host, which can have neither.
    shown.set_username("").ok();
    shown.set_password(None).ok();
    shown.into()
}

fn is_remote(host: &str) -> bool {
    let is_socket = host.to_ascii_lowercase().starts_with("%2f");
    let is_loopback = match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.is_empty() || host == "localhost",
    };
    !is_socket && !is_loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_and_local_hosts_are_distinguished() {
        for (url, expected) in [
            ("postgres://db.example.com/x", true),
            ("postgres://u@10.0.0.1:5432/x", true),
            ("postgres://u@[2001:db8::1]/x", true),
            ("postgres://u@localhost:5432/x", false),
            ("postgres://u@127.0.0.9/x", false),
            ("postgres://u@[::1]:5432/x", false),
            ("postgres:///x", false),
            ("postgres://localhost/x?host=/run/postgresql", false),
            ("postgres://localhost/x?host=db.example.com", true),
            ("postgres://%2Frun%2Fpostgresql/x", false),
            ("mysql://root@db/x?socket=/run/mysqld.sock", false),
        ] {
            assert_eq!(
                DatabaseUrl::parse(url).unwrap().is_remote,
                expected,
                "{url}"
            );
        }
    }

    #[test]
    fn the_displayed_url_has_no_password() {
        for (url, expected) in [
            (
                "postgres://ben:pa@ss@db.example.com:5432/doorward?sslmode=require",
                "postgres://db.example.com:5432/doorward",
            ),
            ("mysql://u:x@db/doorward?socket=/x", "mysql://db/doorward"),
            ("postgres://u:p@[::1]:5433/db", "postgres://[::1]:5433/db"),
            ("sqlite:data/a,b@#.db?mode=rwc", "sqlite:data/a,b@#.db"),
        ] {
            assert_eq!(DatabaseUrl::parse(url).unwrap().display, expected);
        }
    }

    #[test]
    fn the_user_and_the_database_are_read() {
        for url in [
            "postgres://ben:pw@h:5432/door?sslmode=require",
            "mysql://ben@h/door",
            "postgres://ben@h?dbname=door",
        ] {
            let url = DatabaseUrl::parse(url).unwrap();
            assert_eq!((url.user.as_str(), url.database.as_str()), ("ben", "door"));
        }
    }

    /// C-02: a password with a character that a URL gives a meaning is refused without showing it.
    #[test]
    fn a_malformed_url_is_refused_without_showing_the_password() {
        for (url, expected) in [
            ("postgres:ben:canary@127.0.0.1/d", FORM),
            ("postgres:/ben:canary@127.0.0.1/d", FORM),
            ("mysql:canary", FORM),
            ("mysql:ben:canary://h/d", FORM),
            ("postgres://ben:canary/d", "invalid port number"),
            ("postgres://ben:can/ary@h/d", "%2F"),
            ("postgres://ben:can#ary@h/d", "%23"),
            ("postgres://ben:can?ary@h/d", "%3F"),
            ("postgres://ben:can?ary@h", "%3F"),
            ("mysql://db/d?password=canary@y", "%40"),
            ("mysql://ben:canary@db", "names no database"),
            ("mysql://ben:canary@db/", "names no database"),
            (
                "postgres://ben:canary@db?sslmode=require",
                "names no database",
            ),
            ("postgres://ben:canary@db/?dbname=", "names no database"),
            ("postgres://ben:canary@h1,h2:5433/d", "names several hosts"),
            ("mysql://h1:1,[::1]:2/d", "names several hosts"),
            ("mysql://ben:canary@[::1]:3306/d", "takes no IPv6 address"),
        ] {
            let error = check_url(url).unwrap_err().to_string();
            assert!(error.contains(expected), "{url}: {error}");
            let is_shown = error.contains("can") && error.contains("ary");
            assert!(!is_shown, "{error}");
        }
        for url in [
            "postgres://ben:a%2Fb,c@h/d",
            "postgres:///d",
            "postgres://h?dbname=d",
        ] {
            check_url(url).unwrap();
        }
    }
}
