//! The address of a mail server, as one line of configuration.
//!
//! Must not open connections. It decides how a connection is protected, in one place: off
//! loopback there is no way to ask for plaintext. No error repeats the line, which holds
//! a password. To add an option: an arm in [`read_options`] and its name in the error's text.

use std::net::IpAddr;
use std::time::Duration;

use doorward_domain::values::Secret;

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    ImplicitTls,
    /// STARTTLS, and nothing is sent where the server does not offer it.
    StartTls,
    /// STARTTLS where the server offers it. To loopback alone.
    OpportunisticStartTls,
    /// None. To loopback alone.
    Plaintext,
}

/// Who signs in to the mail server. `Debug` hides the password.
#[derive(Debug, Clone)]
pub struct SmtpLogin {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Secret<String>,
}

/// A mail server and how to talk to it.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Its name, which its certificate must bear, or its IP address (without brackets).
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Who signs in; nobody where the server does not ask.
    pub login: Option<SmtpLogin>,
    /// How long the server may take over one step: the connection, TLS, a command.
    pub step_timeout: Duration,
    /// How long the server may think about a message it has in full. Whoever hangs up earlier may
    /// send it twice: scanners take their time, and RFC 5321 (4.5.3.2.6) asks for ten minutes.
    pub content_timeout: Duration,
    /// How long one mail may take in all, waiting for a free connection included.
    pub mail_timeout: Duration,
    /// How many connections there are at a time.
    pub max_connections: usize,
    /// How long a connection is kept open for the next mail.
    pub idle_timeout: Duration,
}

/// Why a line is no address of a mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SmtpUrlError {
    /// Not `smtp://` or `smtps://`.
    #[error("it begins with smtp:// or smtps://")]
    Scheme,
    /// No host, or one with odd characters.
    #[error(
        "the host is missing or has characters that no host name has (write xn--… for others than ASCII, [::1] for IPv6)"
    )]
    Host,
    /// No such port.
    #[error("the port is a number from 1 to 65535")]
    Port,
    /// Something between the port and the options.
    #[error(
        "a path or a '#' follows the host; in a user or password write '/' as %2F, '?' as %3F and '#' as %23"
    )]
    Path,
    /// The user or the password cannot be decoded.
    #[error(
        "the user or the password is not percent-encoded as it should be, or has control characters"
    )]
    Encoding,
    /// One without the other.
    #[error("a user and a password are given both or not at all")]
    HalfLogin,
    /// An unknown option.
    #[error("the only option is ?starttls=required, ?starttls=opportunistic or ?starttls=off")]
    Option,
    /// `starttls` with `smtps://`.
    #[error("smtps:// is TLS from the start and takes no starttls option")]
    StartTlsWithinTls,
    /// Plaintext off loopback.
    #[error(
        "mail would go over the network unprotected; starttls=off and starttls=opportunistic are for a server on this machine alone (127.0.0.1, [::1], localhost)"
    )]
    PlaintextOffLoopback,
}

impl SmtpSettings {
    /// Reads `smtp://user:password@host:587?starttls=required` or `smtps://host`.
    ///
    /// Ports default to 587 and 465. With `smtp://`, STARTTLS is required, but for a server on
    /// this machine: there it is off unless asked for, since such a server seldom has a
    /// certificate that could be verified.
    pub fn parse(line: &str) -> Result<Self, SmtpUrlError> {
        let (scheme, rest) = line.split_once("://").ok_or(SmtpUrlError::Scheme)?;
        let implicit_tls = match scheme.to_ascii_lowercase().as_str() {
            "smtp" => false,
            "smtps" => true,
            _ => return Err(SmtpUrlError::Scheme),
        };
        let (rest, options) = match rest.split_once('?') {
            Some((rest, options)) => (rest, Some(options)),
            None => (rest, None),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '#']) || options.is_some_and(|options| options.contains('@')) {
            return Err(SmtpUrlError::Path);
        }
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(read_login(login)?), place),
            None => (None, authority),
        };
        let (host, port) = read_place(place)?;
        let security = match (implicit_tls, read_options(options)?, is_loopback(&host)) {
            (true, None, _) => Security::ImplicitTls,
            (true, Some(_), _) => return Err(SmtpUrlError::StartTlsWithinTls),
            (false, Some(Security::StartTls), _) | (false, None, false) => Security::StartTls,
            (false, None, true) => Security::Plaintext,
            (false, Some(security), true) => security,
            (false, Some(_), false) => return Err(SmtpUrlError::PlaintextOffLoopback),
        };
        Ok(Self {
            host,
            port: port.unwrap_or(if implicit_tls { 465 } else { 587 }),
            security,
            login,
            step_timeout: Duration::from_secs(10),
            content_timeout: Duration::from_secs(600),
            mail_timeout: Duration::from_secs(720),
            max_connections: 4,
            idle_timeout: Duration::from_secs(30),
        })
    }
}

fn read_login(text: &str) -> Result<SmtpLogin, SmtpUrlError> {
    let (user, password) = text.split_once(':').ok_or(SmtpUrlError::HalfLogin)?;
    if user.is_empty() || password.is_empty() {
        return Err(SmtpUrlError::HalfLogin);
    }
    Ok(SmtpLogin {
        user: percent_decode(user)?,
        password: Secret::new(percent_decode(password)?),
    })
}

/// Reads `host`, `host:port`, `[::1]` or `[::1]:port`.
fn read_place(text: &str) -> Result<(String, Option<u16>), SmtpUrlError> {
    let (host, port) = if let Some(bracketed) = text.strip_prefix('[') {
        let (host, port) = bracketed.split_once(']').ok_or(SmtpUrlError::Host)?;
        if !matches!(host.parse(), Ok(IpAddr::V6(_))) {
            return Err(SmtpUrlError::Host);
        }
        match port {
            "" => (host, None),
            port => (
                host,
                Some(port.strip_prefix(':').ok_or(SmtpUrlError::Port)?),
            ),
        }
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-._:".contains(&b);
    if host.is_empty() || !host.bytes().all(is_name) {
        return Err(SmtpUrlError::Host);
    }
    let port = match port {
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => match port.parse() {
            Ok(0) | Err(_) => return Err(SmtpUrlError::Port),
            Ok(port) => Some(port),
        },
        Some(_) => return Err(SmtpUrlError::Port),
        None => None,
    };
    Ok((host.to_ascii_lowercase(), port))
}

fn read_options(options: Option<&str>) -> Result<Option<Security>, SmtpUrlError> {
    match options {
        None | Some("") => Ok(None),
        Some("starttls=required") => Ok(Some(Security::StartTls)),
        Some("starttls=opportunistic") => Ok(Some(Security::OpportunisticStartTls)),
        Some("starttls=off") => Ok(Some(Security::Plaintext)),
        Some(_) => Err(SmtpUrlError::Option),
    }
}

/// Whether what is sent there stays on this machine. `localhost` is never looked up elsewhere
/// (RFC 6761, 6.3).
fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

fn percent_decode(text: &str) -> Result<String, SmtpUrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
            return Err(SmtpUrlError::Encoding);
        };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| SmtpUrlError::Encoding)?);
    }
    let decoded = String::from_utf8(bytes).map_err(|_| SmtpUrlError::Encoding)?;
    // NUL parts user and password on the wire.
    if decoded.chars().any(char::is_control) {
        return Err(SmtpUrlError::Encoding);
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_people_write_are_read() {
        use Security::{ImplicitTls, OpportunisticStartTls, Plaintext, StartTls};
        for (line, host, port, security) in [
            ("smtp://mail.example.com", "mail.example.com", 587, StartTls),
            (
                "smtp://mail.example.com:25",
                "mail.example.com",
                25,
                StartTls,
            ),
            (
                "smtp://mail.example.com:2525?starttls=required",
                "mail.example.com",
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
                SmtpSettings::parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(
                (settings.host.as_str(), settings.port, settings.security),
                (host, port, security),
                "{line}"
            );
            assert!(settings.login.is_none(), "{line}");
        }
    }

    #[test]
    fn a_login_is_decoded() {
        for (line, user, password) in [
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
            let login = SmtpSettings::parse(line).unwrap().login.unwrap();
            assert_eq!(
                (login.user.as_str(), login.password.expose().as_str()),
                (user, password)
            );
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        use SmtpUrlError as E;
        for (line, error) in [
            ("mail.example.com", E::Scheme),
            ("http://mail.example.com", E::Scheme),
            ("smtp:mail.example.com", E::Scheme),
            ("smtp://", E::Host),
            ("smtp://:25", E::Host),
            ("smtp://ma il.example.com", E::Host),
            ("smtp://bücher.example", E::Host),
            ("smtp://[::1", E::Host),
            ("smtp://[mail.example.com]", E::Host),
            ("smtp://h.example:0", E::Port),
            ("smtp://h.example:65536", E::Port),
            ("smtp://h.example:+25", E::Port),
            ("smtp://h.example:smtp", E::Port),
            ("smtp://[::1]25", E::Port),
            ("smtp://h.example/path", E::Path),
            ("smtp://ben:a/b@h.example", E::Path),
            ("smtp://ben:a?b@h.example", E::Path),
            ("smtp://ben:a#b@h.example", E::Path),
            ("smtp://ben:%zz@h.example", E::Encoding),
            ("smtp://ben:%4@h.example", E::Encoding),
            ("smtp://ben:%FF@h.example", E::Encoding),
            ("smtp://ben:a%00b@h.example", E::Encoding),
            ("smtp://ben:a%0D%0Ab@h.example", E::Encoding),
            ("smtp://ben@h.example", E::HalfLogin),
            ("smtp://ben:@h.example", E::HalfLogin),
            ("smtp://:secret@h.example", E::HalfLogin),
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
            assert_eq!(SmtpSettings::parse(line).map(|_| ()), Err(error), "{line}");
        }
    }

    /// L-02.
    #[test]
    fn the_password_is_not_printed() {
        let settings = SmtpSettings::parse("smtp://ben:hunter2@h.example").unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
