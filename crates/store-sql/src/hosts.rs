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

/// The hosts in their order; a URL without any is a file's.
pub(crate) fn of_url(url: &str) -> Result<Vec<Host>, ConnectError> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Ok(vec![Host {
            url: url.to_owned(),
            name: url.to_owned(),
            is_remote: false,
        }]);
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (format!("{user}@"), hosts),
        None => (String::new(), authority),
    };
    let parameters = path.split_once('?').map_or("", |(_, query)| query);
    let elsewhere = |name: &str| {
        parameters
            .split('&')
            .find_map(|part| part.strip_prefix(name))
    };
    let socket = elsewhere("host=").or_else(|| elsewhere("socket="));
    let hosts: Vec<_> = hosts.split(',').collect();
    if hosts.len() > 1 && (hosts.iter().any(|host| host.is_empty()) || socket.is_some()) {
        return Err(ConnectError::Url(
            "of several hosts each has a name, and no parameter names another".into(),
        ));
    }
    let of = |host: &&str| {
        let url = format!("{scheme}://{user}{host}{path}");
        Host {
            name: without_secrets(&url),
            url,
            is_remote: is_remote(socket.unwrap_or(host)),
        }
    };
    Ok(hosts.iter().map(of).collect())
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

/// The URL without what stands before its `@` and after its `?`; nothing but its scheme where a
/// password that was not encoded makes it hard to say which is which.
pub(crate) fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (head, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let server = match head.rsplit_once('@') {
        Some((_, server)) => server,
        None if parameters.contains('@') => "…",
        None => head,
    };
    format!("{scheme}://{server}")
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
        assert_eq!(of_url("sqlite:a,b.db").unwrap().len(), 1);
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
            ("sqlite:data/doorward.db", false),
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
            ("mysql://ben:pa?ss@db/doorward", "mysql://…"),
            ("mysql://db/doorward?password=x@y", "mysql://…"),
            ("sqlite:data/doorward.db", "sqlite:data/doorward.db"),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }
}
