//! A URL may name several hosts, `postgres://u:p@h1:5432,h2/db`: the database is on the first that
//! takes writes. The drivers know one; here a URL becomes one a host. Knows no database.

use std::fmt;

use crate::error::ConnectError;

/// One host's share of the URL.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// The URL with this host alone.
    pub(crate) url: String,
    /// The same without user, password and parameters, to be shown.
    pub(crate) name: String,
    /// Whether the way there leaves this machine.
    pub(crate) is_remote: bool,
}

impl fmt::Debug for Host {
    /// The URL holds a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.name).finish()
    }
}

/// What stands for the host of a database that is a file.
pub(crate) fn of_file(url: &str) -> Host {
    Host {
        url: url.to_owned(),
        name: url.split('?').next().unwrap_or_default().to_owned(),
        is_remote: false,
    }
}

/// The hosts in their order. What cannot be told apart from a password is refused, and nothing of
/// it shown.
pub(crate) fn of_url(url: &str) -> Result<Vec<Host>, ConnectError> {
    let (scheme, rest) = server(url)?;
    let (user, hosts, path, parameters) = parts(rest)?;
    let elsewhere = |name: &str| {
        parameters
            .split('&')
            .find_map(|part| part.strip_prefix(name))
    };
    let database = elsewhere("dbname=").unwrap_or_default();
    if path.trim_start_matches('/').is_empty() && database.is_empty() {
        return refused(
            "it names no database; one looks like SCHEME://USER:PASSWORD@HOST/DATABASE",
        );
    }
    let socket = elsewhere("host=").or_else(|| elsewhere("socket="));
    let hosts: Vec<_> = hosts.split(',').collect();
    if hosts.len() > 1 && (hosts.iter().any(|host| host.is_empty()) || socket.is_some()) {
        return refused("of several hosts each has a name, and no parameter names another");
    }
    if !hosts.iter().all(|host| has_sound_port(host)) {
        return refused(
            "what follows a host's colon is no port; \
             one looks like SCHEME://USER:PASSWORD@HOST:PORT/DATABASE",
        );
    }
    let query = rest.find('?').map_or("", |start| &rest[start..]);
    let of = |host: &&str| Host {
        url: format!("{scheme}://{user}{host}{path}{query}"),
        name: format!("{scheme}://{host}{path}"),
        is_remote: is_remote(socket.unwrap_or(host)),
    };
    Ok(hosts.iter().map(of).collect())
}

/// The scheme, and what follows its `://`.
fn server(url: &str) -> Result<(&str, &str), ConnectError> {
    let scheme = url.split(':').next().unwrap_or_default();
    let rest = url.get(scheme.len()..).unwrap_or_default();
    let rest = rest.strip_prefix("://").ok_or_else(|| {
        ConnectError::Url(format!(
            "it lacks the // after {scheme}:; one looks like {scheme}://USER:PASSWORD@HOST/DATABASE"
        ))
    })?;
    Ok((scheme, rest))
}

/// The user with its `@`, the hosts, the path with its `/`, and the parameters.
fn parts(rest: &str) -> Result<(&str, &str, &str, &str), ConnectError> {
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    if after.contains('@') || rest.contains('#') {
        return refused(
            "it has an @ where none can be, or a #: in a user's name, a password or a parameter \
             / is written %2F, # %23, ? %3F, @ %40 and % %25",
        );
    }
    let start = authority.rfind('@').map_or(0, |at| at + 1);
    let (user, hosts) = authority.split_at(start);
    let (path, parameters) = after.split_once('?').unwrap_or((after, ""));
    Ok((user, hosts, path, parameters))
}

fn refused<T>(why: &str) -> Result<T, ConnectError> {
    Err(ConnectError::Url(why.to_owned()))
}

/// A password without its `@HOST` looks like a port.
fn has_sound_port(host: &str) -> bool {
    let after = host.rsplit_once(']').map_or(host, |(_, after)| after);
    match after.split_once(':') {
        Some((_, port)) => port.parse::<u16>().is_ok(),
        None => true,
    }
}

/// The address in brackets that the host of a URL is, without them.
pub(crate) fn ipv6_of(url: &str) -> Option<&str> {
    let (_, rest) = server(url).ok()?;
    let (_, host, ..) = parts(rest).ok()?;
    Some(host.strip_prefix('[')?.split_once(']')?.0)
}

/// The user and the database that a URL names.
pub(crate) fn user_and_database(url: &str) -> (String, String) {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let head = rest.split('?').next().unwrap_or_default();
    let (before, after) = head.rsplit_once('@').unwrap_or(("", head));
    let user = before.split(':').next().unwrap_or_default();
    let database = after.split_once('/').map_or("", |(_, database)| database);
    let database = if database.is_empty() { user } else { database };
    (user.to_owned(), database.to_owned())
}

fn is_remote(host: &str) -> bool {
    let is_socket = host.starts_with('/') || host.to_ascii_lowercase().starts_with("%2f");
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let is_loopback = name.parse().map_or(
        name.is_empty() || name == "localhost",
        |address: std::net::IpAddr| address.is_loopback(),
    );
    !is_socket && !is_loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_falls_into_its_hosts() {
        let hosts = of_url("postgres://u:p@h1:5432,[::1]:5433,h3/db?sslmode=require").unwrap();
        let urls: Vec<_> = hosts.iter().map(|host| host.url.as_str()).collect();
        assert_eq!(
            urls,
            [
                "postgres://u:p@h1:5432/db?sslmode=require",
                "postgres://u:p@[::1]:5433/db?sslmode=require",
                "postgres://u:p@h3/db?sslmode=require",
            ]
        );
        assert_eq!(hosts[1].name, "postgres://[::1]:5433/db");
        for url in [
            "postgres://h1,/db",
            "postgres://,h2/db",
            "mysql://h1,h2/db?socket=/run/x",
        ] {
            assert!(of_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn only_a_way_that_leaves_this_machine_is_remote() {
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
            assert_eq!(of_url(url).unwrap()[0].is_remote, expected, "{url}");
        }
    }

    #[test]
    fn the_user_and_the_database_are_read() {
        let of = |url| user_and_database(url);
        let both = ("ben".to_owned(), "door".to_owned());
        assert_eq!(of("postgres://ben:pw@h1,h2/door?x=y"), both);
        assert_eq!(of("mysql://ben@h/door"), both);
        assert_eq!(of("postgres://ben@h").1, "ben");
    }

    #[test]
    fn nothing_that_is_printed_shows_a_password() {
        let hosts = of_url("postgres://ben:pw-of-ben@db/x?password=pw-of-ben").unwrap();
        let text = format!("{hosts:?}");
        assert!(
            text.contains("db/x") && !text.contains("pw-of-ben"),
            "{text}"
        );
    }

    #[test]
    fn no_name_shows_a_password() {
        for (url, shown) in [
            (
                "postgres://ben:pa@ss@db.example.com:5432/doorward?sslmode=require",
                "postgres://db.example.com:5432/doorward",
            ),
            ("mysql://db/doorward?password=x", "mysql://db/doorward"),
        ] {
            assert_eq!(of_url(url).unwrap()[0].name, shown);
        }
        let file = of_file("sqlite:data/a,b@#.db?mode=rwc");
        assert_eq!(file.name, "sqlite:data/a,b@#.db");
    }

    #[test]
    fn what_may_be_a_password_is_refused_and_not_shown() {
        for (url, words) in [
            (
                "postgres:ben:canary@127.0.0.1/d",
                "lacks the // after postgres:",
            ),
            (
                "postgres:/ben:canary@127.0.0.1/d",
                "lacks the // after postgres:",
            ),
            ("mysql:ben:canary@127.0.0.1/d", "lacks the // after mysql:"),
            ("mysql:canary", "lacks the //"),
            ("mysql:ben:canary://h/d", "lacks the //"),
            ("postgres://ben:canary/d", "no port"),
            ("postgres://ben:can/ary@h/d", "%2F"),
            ("postgres://ben:can#ary@h/d", "%2F"),
            ("postgres://ben:can?ary@h/d", "%2F"),
            ("postgres://ben:can?ary@h", "%2F"),
            ("mysql://db/d?password=canary@y", "%2F"),
            ("mysql://ben:canary@db", "names no database"),
            ("mysql://ben:canary@db/", "names no database"),
            (
                "postgres://ben:canary@db?sslmode=require",
                "names no database",
            ),
            ("postgres://ben:canary@db/?dbname=", "names no database"),
        ] {
            let told = of_url(url).unwrap_err().to_string();
            assert!(told.contains(words), "{url}: {told}");
            let shown = told.contains("can") && told.contains("ary");
            assert!(!shown, "{told}");
        }
        for url in [
            "postgres://ben:a%2Fb@h/d",
            "postgres:///d",
            "postgres://h?dbname=d",
            "mysql://h1:1,h2/d",
        ] {
            of_url(url).unwrap();
        }
    }

    #[test]
    fn an_address_in_brackets_is_found() {
        assert_eq!(ipv6_of("postgres://u:[x]@[::1]:5432/d"), Some("::1"));
        assert_eq!(ipv6_of("postgres://[2001:db8::1]/d"), Some("2001:db8::1"));
        assert_eq!(ipv6_of("postgres://u@h/d?x=[::1]"), None);
    }
}
