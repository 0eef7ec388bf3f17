//! The parameters of a database URL. A driver ignores those it does not know, and a mistyped `sslmode`
//! must not turn encryption off.

use url::Url;

use super::Dialect;

/// TLS parameters of a kind of server. Each name has a second spelling.
struct TlsParameters {
    mode: [&'static str; 2],
    /// Weakest first: off, if offered, required; the last two verify the certificate.
    modes: [&'static str; 5],
    root: [&'static str; 3],
    certificate: [&'static str; 2],
    key: [&'static str; 2],
    others: &'static [&'static str],
}

const POSTGRES: TlsParameters = TlsParameters {
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

const MYSQL: TlsParameters = TlsParameters {
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

/// Checks the parameters. Returns whether they require TLS, or what is unknown or contradictory.
pub(crate) fn check_parameters(dialect: Dialect, url: &Url) -> Result<bool, String> {
    let known = match dialect {
        Dialect::Sqlite => return Ok(false),
        Dialect::Postgres => &POSTGRES,
        Dialect::Mysql => &MYSQL,
    };
    let refuse = Err;
    // In a password, text after an `&` looks like a parameter's name.
    let may_show = !url.query_pairs().any(|(name, _)| name == "password");
    let mut mode = None;
    let (mut root, mut certificate, mut key) = (false, false, false);
    for (name, value) in url.query_pairs() {
        let name = name.as_ref();
        if known.mode.contains(&name) {
            let value = value.to_ascii_lowercase();
            let Some(strength) = known.modes.iter().position(|mode| *mode == value) else {
                return refuse(format!("{name} must be one of {}", known.modes.join(", ")));
            };
            if mode.is_some_and(|mode| mode != strength) {
                return refuse(format!("{name} is set twice to different values"));
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
            return refuse(format!(
                "unknown parameter {name:.32}; known are {}, {}, {}, {} and {}",
                known.mode[0],
                known.root[0],
                known.certificate[0],
                known.key[0],
                known.others.join(", ")
            ));
        }
    }
    let requires_tls = mode.is_some_and(|mode| mode >= 2);
    if root && mode.is_none_or(|mode| mode < 3) {
        return refuse(format!(
            "{} has no effect unless the certificate is verified: add {}",
            known.root[0],
            dialect.verify_parameter()
        ));
    }
    if certificate != key {
        return refuse(format!(
            "{} and {} must be set together",
            known.certificate[0], known.key[0]
        ));
    }
    if certificate && !requires_tls {
        return refuse(format!(
            "{} has no effect unless TLS is required: add {}",
            known.certificate[0],
            dialect.verify_parameter()
        ));
    }
    Ok(requires_tls)
}
