//! The parameters of a database's URL: which there are, and which make no sense together. A driver
//! passes over what it does not know, and a mistyped `sslmode` must not turn encryption off.

use super::Dialect;
use crate::error::ConnectError;
use crate::hosts;

/// How a kind of server spells what has to do with TLS. A name and its second spelling.
struct Spelling {
    mode: [&'static str; 2],
    /// Weakest first: off, if offered, demanded; from the fourth on the certificate is looked at.
    modes: [&'static str; 5],
    root: [&'static str; 3],
    certificate: [&'static str; 2],
    key: [&'static str; 2],
    others: &'static [&'static str],
}

const POSTGRES: Spelling = Spelling {
    mode: ["sslmode", "ssl-mode"],
    modes: ["disable", "prefer", "require", "verify-ca", "verify-full"],
    root: ["sslrootcert", "ssl-root-cert", "ssl-ca"],
    certificate: ["sslcert", "ssl-cert"],
    key: ["sslkey", "ssl-key"],
    others: &[
        "host",
        "port",
        "dbname",
        "user",
        "password",
        "application_name",
        "options",
    ],
};

const MYSQL: Spelling = Spelling {
    mode: ["ssl-mode", "sslmode"],
    modes: [
        "disabled",
        "preferred",
        "required",
        "verify_ca",
        "verify_identity",
    ],
    root: ["ssl-ca", "sslca", "sslca"],
    certificate: ["ssl-cert", "sslcert"],
    key: ["ssl-key", "sslkey"],
    others: &["socket"],
};

impl Dialect {
    fn spelling(self) -> Option<&'static Spelling> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(&POSTGRES),
            Self::Mysql => Some(&MYSQL),
        }
    }
}

/// Refuses a URL whose parameters are unknown or cannot all be meant.
pub(crate) fn check_parameters(dialect: Dialect, url: &str) -> Result<(), ConnectError> {
    let Some(known) = dialect.spelling() else {
        return Ok(());
    };
    let refused = |why: String| Err(ConnectError::Url(why));
    if dialect == Dialect::Mysql && names_ipv6(url) {
        let why = "the driver of MySQL and MariaDB takes no IPv6 address: \
            give the host a name that leads there, in DNS or in /etc/hosts";
        return refused(why.to_owned());
    }
    // What follows an & in a password is no name to be shown.
    let may_show = !parameters(url).any(|(name, _)| name == "password");
    let mut mode = None;
    let (mut root, mut certificate, mut key) = (false, false, false);
    for (name, value) in parameters(url) {
        if known.mode.contains(&name) {
            let value = value.to_ascii_lowercase();
            let Some(strength) = known.modes.iter().position(|mode| *mode == value) else {
                return refused(format!("{name} is one of {}", known.modes.join(", ")));
            };
            if mode.is_some_and(|mode| mode != strength) {
                return refused(format!("it says {name} twice, and not the same"));
            }
            mode = Some(strength);
        } else if known.root.contains(&name) {
            root = true;
        } else if known.certificate.contains(&name) {
            certificate = true;
        } else if known.key.contains(&name) {
            key = true;
        } else if !known.others.contains(&name) {
            let name = if may_show { name } else { "…" };
            return refused(format!(
                "it has the unknown parameter {name:.32}; known are {}, {}, {}, {} and {}",
                known.mode[0],
                known.root[0],
                known.certificate[0],
                known.key[0],
                known.others.join(", ")
            ));
        }
    }
    if root && mode.is_none_or(|mode| mode < 3) {
        return refused(format!(
            "{} is of no use unless the certificate is looked at: add {}",
            known.root[0],
            dialect.verified()
        ));
    }
    if certificate != key {
        return refused(format!(
            "{} and {} go together",
            known.certificate[0], known.key[0]
        ));
    }
    if certificate && mode.is_none_or(|mode| mode < 2) {
        return refused(format!(
            "{} is of no use unless TLS is demanded: add {}",
            known.certificate[0],
            dialect.verified()
        ));
    }
    Ok(())
}

/// Whether a connection by this URL is an encrypted one or none.
pub(crate) fn demands_tls(dialect: Dialect, url: &str) -> bool {
    let Some(known) = dialect.spelling() else {
        return false;
    };
    parameters(url).any(|(name, value)| {
        known.mode.contains(&name)
            && known.modes[2..].contains(&value.to_ascii_lowercase().as_str())
    })
}

fn names_ipv6(url: &str) -> bool {
    let hosts = hosts::of_url(url).unwrap_or_default();
    hosts.iter().any(|host| hosts::ipv6_of(&host.url).is_some())
}

fn parameters(url: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "")))
}
