//! The URL of a mail server: `smtp://user:password@host:587?starttls=required` or `smtps://host`.
//!
//! Must not open connections. It decides how a connection is protected, in one place: plaintext is
//! possible only to loopback. No error contains any part of the URL, which holds a password.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use doorward_domain::outbox::MAIL_TIMEOUT;
use lettre::transport::smtp::authentication::Credentials;
use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    ImplicitTls,
    /// STARTTLS. Nothing is sent if the server does not offer it.
    StartTls,
    /// STARTTLS if the server offers it. For loopback only.
    OpportunisticStartTls,
    /// No TLS. For loopback only.
    Plaintext,
}

/// A mail server and how to connect to it.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Host name, which its certificate must contain, or IP address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// User and password. `None` if the server requires no login.
    pub login: Option<Credentials>,
    /// Time limit for one mail, from the connection to the server's final reply.
    pub timeout: Duration,
}

/// Reason why a URL does not name a mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SmtpUrlError {
    /// Not a URL.
    #[error(
        "it is not a valid URL ({0}); percent-encode special characters in user and password: @ is %40, / is %2F, ? is %3F, # is %23"
    )]
    Url(#[from] url::ParseError),
    /// Neither `smtp://` nor `smtps://`.
    #[error("it must begin with smtp:// or smtps://")]
    Scheme,
    /// No host, or one with characters that host names do not have.
    #[error(
        "the host is missing or invalid (write xn--… for a name that is not ASCII, [::1] for IPv6)"
    )]
    Host,
    /// Port 0.
    #[error("the port must be a number from 1 to 65535")]
    Port,
    /// A path or a fragment.
    #[error("a path or a '#' follows the host; in user and password write / as %2F and # as %23")]
    Path,
    /// The user or the password is not text after decoding.
    #[error(
        "the user or the password is not valid UTF-8 after decoding, or has control characters"
    )]
    Encoding,
    /// A user without a password, or the reverse.
    #[error("set both user and password, or neither")]
    IncompleteLogin,
    /// An unknown option.
    #[error("the only option is ?starttls=required, ?starttls=opportunistic or ?starttls=off")]
    Option,
    /// `starttls` with `smtps://`.
    #[error("smtps:// uses TLS from the start and takes no starttls option")]
    StartTlsWithinTls,
    /// Plaintext to another machine.
    #[error(
        "mail would cross the network without TLS; starttls=off and starttls=opportunistic are only for a server on this machine (127.0.0.1, [::1], localhost)"
    )]
    PlaintextOffLoopback,
}

impl SmtpSettings {
    /// Parses `smtp://user:password@host:587?starttls=required` or `smtps://host`.
    ///
    /// The default ports are 587 and 465. With `smtp://`, STARTTLS is required. A server on this machine
    /// is the exception: its default is plaintext, since it rarely has a certificate that verifies.
    pub fn parse(url: &str) -> Result<Self, SmtpUrlError> {
        let url = Url::parse(url)?;
        let has_implicit_tls = match url.scheme() {
            "smtp" => false,
            "smtps" => true,
            _ => return Err(SmtpUrlError::Scheme),
        };
        let host = match url.host() {
            Some(Host::Domain(name)) if is_host_name(name) => name.to_ascii_lowercase(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            _ => return Err(SmtpUrlError::Host),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(SmtpUrlError::Path);
        }
        let security = match (has_implicit_tls, starttls(&url)?, is_loopback(&host)) {
            (true, None, _) => Security::ImplicitTls,
            (true, Some(_), _) => return Err(SmtpUrlError::StartTlsWithinTls),
            (false, Some(Security::StartTls), _) | (false, None, false) => Security::StartTls,
            (false, None, true) => Security::Plaintext,
            (false, Some(security), true) => security,
            (false, Some(_), false) => return Err(SmtpUrlError::PlaintextOffLoopback),
        };
        let default_port = if has_implicit_tls { 465 } else { 587 };
        let port = url.port().unwrap_or(default_port);
        if port == 0 {
            return Err(SmtpUrlError::Port);
        }
        Ok(Self {
            host,
            port,
            security,
            login: login(&url)?,
            timeout: MAIL_TIMEOUT,
        })
    }
}

/// How the connection is protected and whether it has a login, for `doorward doctor`.
impl fmt::Display for SmtpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.security {
            Security::ImplicitTls => "TLS",
            Security::StartTls => "STARTTLS",
            Security::OpportunisticStartTls => "STARTTLS if offered",
            Security::Plaintext => "this machine, no TLS",
        })?;
        f.write_str(match self.login {
            Some(_) => ", with login",
            None => ", without login",
        })
    }
}

fn login(url: &Url) -> Result<Option<Credentials>, SmtpUrlError> {
    match (url.username(), url.password().unwrap_or_default()) {
        ("", "") => Ok(None),
        ("", _) | (_, "") => Err(SmtpUrlError::IncompleteLogin),
        (user, password) => Ok(Some(Credentials::new(decode(user)?, decode(password)?))),
    }
}

fn starttls(url: &Url) -> Result<Option<Security>, SmtpUrlError> {
    match url.query() {
        None | Some("") => Ok(None),
        Some("starttls=required") => Ok(Some(Security::StartTls)),
        Some("starttls=opportunistic") => Ok(Some(Security::OpportunisticStartTls)),
        Some("starttls=off") => Ok(Some(Security::Plaintext)),
        Some(_) => Err(SmtpUrlError::Option),
    }
}

fn is_host_name(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    !name.is_empty() && name.bytes().all(is_plain)
}

/// Returns `true` if the host is this machine. `localhost` is never resolved to another one
/// (RFC 6761, section 6.3).
fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

fn decode(text: &str) -> Result<String, SmtpUrlError> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| SmtpUrlError::Encoding)?;
    // NUL separates user and password on the wire.
    match decoded.contains(char::is_control) {
        true => Err(SmtpUrlError::Encoding),
        false => Ok(decoded.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use url::ParseError;

    use super::*;

    #[test]
    fn urls_are_parsed() {
        use Security::{ImplicitTls, OpportunisticStartTls, Plaintext, StartTls};
        for (url, host, port, security) in [
            ("smtp://mail.example.com", "mail.example.com", 587, StartTls),
            (
                "smtp://mail.example.com:25",
                "mail.example.com",
                25,
                StartTls,
            ),
            (
                "smtp://h.example:2525?starttls=required",
                "h.example",
                2525,
                StartTls,
            ),
            (
                "SMTPS://Mail.Example.COM/",
                "mail.example.com",
                465,
                ImplicitTls,
            ),
            (
                "smtps://mail.example.com:4650",
                "mail.example.com",
                4650,
                ImplicitTls,
            ),
            ("smtp://10.0.0.7", "10.0.0.7", 587, StartTls),
            ("smtp://127.0.0.1:1025", "127.0.0.1", 1025, Plaintext),
            (
                "smtp://localhost:1025?starttls=off",
                "localhost",
                1025,
                Plaintext,
            ),
            (
                "smtp://localhost?starttls=opportunistic",
                "localhost",
                587,
                OpportunisticStartTls,
            ),
            ("smtp://[::1]:1025", "::1", 1025, Plaintext),
            (
                "smtp://[::ffff:127.0.0.1]",
                "::ffff:127.0.0.1",
                587,
                Plaintext,
            ),
            (
                "smtp://127.0.0.1?starttls=required",
                "127.0.0.1",
                587,
                StartTls,
            ),
            ("smtps://localhost", "localhost", 465, ImplicitTls),
            ("smtp://[2001:db8::1]", "2001:db8::1", 587, StartTls),
        ] {
            let settings =
                SmtpSettings::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            let parsed = (settings.host.as_str(), settings.port, settings.security);
            assert_eq!(parsed, (host, port, security), "{url}");
            assert!(settings.login.is_none(), "{url}");
        }
    }

    #[test]
    fn a_login_is_decoded() {
        for (url, user, password) in [
            ("smtp://ben:secret@h.example", "ben", "secret"),
            (
                "smtp://ben%40example.com:p%3Aa%2Fs%25s%3F%23@h.example:25",
                "ben@example.com",
                "p:a/s%s?#",
            ),
            (
                "smtp://ben@example.com:a:b+c@h.example",
                "ben@example.com",
                "a:b+c",
            ),
            ("smtps://ben:%C3%A9@h.example", "ben", "é"),
        ] {
            let login = SmtpSettings::parse(url).unwrap().login;
            let expected = Credentials::new(user.to_owned(), password.to_owned());
            assert_eq!(login, Some(expected), "{url}");
        }
    }

    /// C-03, R-15.
    #[test]
    fn invalid_urls_are_rejected_with_a_reason() {
        use SmtpUrlError as E;
        for (url, error) in [
            (
                "mail.example.com",
                E::Url(ParseError::RelativeUrlWithoutBase),
            ),
            ("http://mail.example.com", E::Scheme),
            ("smtp:mail.example.com", E::Host),
            ("smtp://", E::Host),
            ("smtp://:25", E::Url(ParseError::EmptyHost)),
            ("smtp://bücher.example", E::Host),
            ("smtp://[::1", E::Url(ParseError::InvalidIpv6Address)),
            ("smtp://h.example:0", E::Port),
            ("smtp://h.example:65536", E::Url(ParseError::InvalidPort)),
            ("smtp://h.example/path", E::Path),
            ("smtp://ben:a/b@h.example", E::Url(ParseError::InvalidPort)),
            ("smtp://ben:a?b@h.example", E::Url(ParseError::InvalidPort)),
            ("smtp://ben:%FF@h.example", E::Encoding),
            ("smtp://ben:a%00b@h.example", E::Encoding),
            ("smtp://ben:a%0D%0Ab@h.example", E::Encoding),
            ("smtp://ben@h.example", E::IncompleteLogin),
            ("smtp://ben:@h.example", E::IncompleteLogin),
            ("smtp://:secret@h.example", E::IncompleteLogin),
            ("smtp://h.example?tls=required", E::Option),
            ("smtp://h.example?starttls=yes", E::Option),
            ("smtps://h.example?starttls=required", E::StartTlsWithinTls),
            ("smtp://h.example?starttls=off", E::PlaintextOffLoopback),
            (
                "smtp://h.example?starttls=opportunistic",
                E::PlaintextOffLoopback,
            ),
            ("smtp://10.0.0.7?starttls=off", E::PlaintextOffLoopback),
            (
                "smtp://localhost.example.com?starttls=off",
                E::PlaintextOffLoopback,
            ),
            (
                "smtp://127.0.0.1.example.com?starttls=off",
                E::PlaintextOffLoopback,
            ),
        ] {
            assert_eq!(SmtpSettings::parse(url).map(|_| ()), Err(error), "{url}");
        }
    }

    /// C-02, L-02.
    #[test]
    fn the_password_is_not_printed() {
        let settings = SmtpSettings::parse("smtp://ben:hunter2@h.example").unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
