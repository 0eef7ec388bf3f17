//! Parsers for the rows of `settings`. Each error states what the value must be and does not repeat it, since it
//! may be a password. `validation` checks combinations of values.

use std::path::PathBuf;

use doorward_domain::passwords::hashing::Engine;
use doorward_domain::values::Secret;
use doorward_store_redis::RedisUrl;
use hyper::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
    HeaderValue, TRANSFER_ENCODING,
};
use jiff::SignedDuration;
use percent_encoding::percent_decode_str;
use tracing_subscriber::filter::LevelFilter;

use crate::database::Database;

pub(super) fn text(secret: Option<&Secret<String>>) -> String {
    secret
        .map(|secret| secret.expose().clone())
        .unwrap_or_default()
}

pub(super) fn parse<T: std::str::FromStr>(value: &str, wanted: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("must be {wanted}"))
}

pub(super) fn parse_in_range<T: std::str::FromStr + PartialOrd + std::fmt::Display>(
    value: &str,
    low: T,
    high: T,
) -> Result<T, String> {
    match value.parse::<T>() {
        Ok(number) if number >= low && number <= high => Ok(number),
        _ => Err(format!("must be a number from {low} to {high}")),
    }
}

pub(super) fn boolean(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

pub(super) fn filled(value: &str) -> Result<String, String> {
    match value.trim() {
        "" => Err("must not be empty".to_owned()),
        text => Ok(text.to_owned()),
    }
}

pub(super) fn path(value: &str) -> Result<PathBuf, String> {
    filled(value).map(PathBuf::from)
}

pub(super) fn display_path(path: Option<&PathBuf>) -> String {
    path.map(|path| path.display().to_string())
        .unwrap_or_default()
}

/// The issuer of an `otpauth` URI, where a colon ends it.
pub(super) fn issuer(value: &str) -> Result<String, String> {
    let issuer = filled(value)?;
    let is_allowed = |c: char| c != ':' && !c.is_control();
    match issuer.chars().count() <= 64 && issuer.chars().all(is_allowed) {
        true => Ok(issuer),
        false => Err("must have at most 64 characters and no colon".to_owned()),
    }
}

/// The address of a page that pages link to.
pub(super) fn page_url(value: &str) -> Result<String, String> {
    match url::Url::parse(value) {
        Ok(url) if url.scheme() == "https" => Ok(url.into()),
        _ => Err("must be a URL that begins with https://".to_owned()),
    }
}

/// The address of a page, or one for mails.
pub(super) fn support_url(value: &str) -> Result<String, String> {
    match url::Url::parse(value) {
        Ok(url) if url.scheme() == "mailto" && url.path().contains('@') => Ok(url.into()),
        _ => page_url(value).map_err(|_| {
            "must be a URL that begins with https://, or mailto: and an address".to_owned()
        }),
    }
}

/// The error does not repeat the value.
pub(super) fn pepper(value: &str) -> Result<Secret<String>, String> {
    let value = value.trim();
    let distinct: std::collections::BTreeSet<_> = value.chars().collect();
    if value.len() < 32 || value.contains(',') || distinct.len() < 8 {
        return Err("must have at least 32 random characters and no comma. Generate one with `openssl rand -base64 48`".to_owned());
    }
    Ok(Secret::new(value.to_owned()))
}

pub(super) fn url(value: &str) -> Result<String, String> {
    let written = value.trim().trim_end_matches('/').to_ascii_lowercase();
    // Browsers omit the default port in `Origin`.
    let value = match written.strip_prefix("https://") {
        Some(_) => written.strip_suffix(":443").unwrap_or(&written),
        None => written.strip_suffix(":80").unwrap_or(&written),
    };
    let rest = value
        .strip_prefix("https://")
        .or_else(|| value.strip_prefix("http://"));
    let is_sound = rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.contains(['/', '?', '#', '@', ' ', '"', '<', '>', '\\'])
            && rest.is_ascii()
            && is_host_and_port(&written)
    });
    if is_sound {
        Ok(value.to_owned())
    } else {
        Err(
            "must be a scheme, a host and an optional port, such as https://accounts.example.com"
                .to_owned(),
        )
    }
}

/// Returns `true` if a URL has only a host and an optional port.
fn is_host_and_port(url: &str) -> bool {
    url.parse::<hyper::Uri>().is_ok_and(|uri| {
        let (host, port) = (uri.host().unwrap_or_default(), uri.port());
        let whole = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        !host.is_empty() && uri.authority().is_some_and(|named| *named == *whole)
    })
}

/// A URL with an optional path and without credentials.
pub(super) fn collector(value: &str) -> Result<String, String> {
    let value = value.trim().trim_end_matches('/');
    let uri = value.parse::<hyper::Uri>().ok().filter(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.query().is_none()
            && uri.host().is_some_and(|host| !host.is_empty())
            && !value.contains('@')
    });
    match uri {
        Some(_) => Ok(value.to_owned()),
        None => Err("must be a URL without user and query, such as http://localhost:4318. Put keys into `traces.headers` (OTEL_EXPORTER_OTLP_HEADERS)".to_owned()),
    }
}

pub(super) fn ratio(value: &str) -> Result<f64, String> {
    match value.parse::<f64>() {
        Ok(part) if (0.0..=1.0).contains(&part) => Ok(part),
        _ => Err("must be a number from 0 to 1, such as 0.1".to_owned()),
    }
}

/// The error does not repeat the value.
pub(super) fn database(value: &str) -> Result<String, String> {
    Database::check_url(value)
        .map(|()| value.to_owned())
        .map_err(|error| format!("cannot be used: {error}"))
}

pub(super) fn redis(value: &str) -> Result<String, String> {
    let url = value.trim().to_owned();
    url.parse::<RedisUrl>().map(|_| url)
}

pub(super) fn transport(value: &str) -> Result<String, String> {
    doorward_mail::parse_transport(value)
        .map(|_| value.to_owned())
        .map_err(|error| error.to_string())
}

pub(super) fn engine(value: &str) -> Result<Engine, String> {
    match value {
        "fast" => Ok(Engine::Fast),
        "portable" => Ok(Engine::Portable),
        _ => Err("must be fast or portable".to_owned()),
    }
}

pub(super) fn engine_name(engine: Engine) -> &'static str {
    match engine {
        Engine::Fast => "fast",
        Engine::Portable => "portable",
    }
}

/// Log format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Text.
    Text,
    /// JSON.
    Json,
}

/// Libraries with a log target of one word.
const LIBRARIES: [&str; 14] = [
    "axum",
    "h2",
    "hyper",
    "lettre",
    "log",
    "mio",
    "prometheus",
    "redis",
    "rustls",
    "sqlx",
    "tokio",
    "tower",
    "tracing",
    "want",
];

/// Trims the parts, since the library misreads spaces around them. It takes an unknown word for the name of a crate,
/// so `inof` would silence the log.
pub(super) fn log_filter(value: &str) -> Result<String, String> {
    let parts: Vec<_> = value.split(',').map(str::trim).collect();
    if parts.iter().any(|part| is_misspelt_level(part)) {
        return Err("contains a part that is neither a level (error, warn, info, debug, trace, off) nor a crate of Doorward, such as doorward_mail. Write the level, or name=level".to_owned());
    }
    let filter = parts.join(",");
    match filter.parse::<tracing_subscriber::EnvFilter>() {
        Ok(_) => Ok(filter),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

/// Returns `true` for a word that is not a level and not a known crate.
fn is_misspelt_level(part: &str) -> bool {
    let is_word = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_name = part.starts_with("doorward") || LIBRARIES.contains(&part);
    is_word && !is_name && part.parse::<LevelFilter>().is_err()
}

pub(super) fn log_format(value: &str) -> Result<LogFormat, String> {
    match value {
        "auto" => Ok(LogFormat::Auto),
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be auto, text or json".to_owned()),
    }
}

pub(super) fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

pub(super) fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

pub(super) fn whole_days(time: SignedDuration) -> String {
    (time.as_hours() / 24).to_string()
}

/// Headers that cannot be configured.
const RESERVED: [HeaderName; 6] = [
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    HOST,
    TRANSFER_ENCODING,
];

/// Parses headers in the format of `OTEL_EXPORTER_OTLP_HEADERS`: `name=value`, separated by commas, values
/// percent-encoded. The error does not contain them.
pub fn otlp_headers(text: &str) -> Result<HeaderMap, String> {
    let wrong = || {
        "must be name=value, separated by commas, such as authorization=Bearer%20secret".to_owned()
    };
    let mut headers = HeaderMap::new();
    for pair in text
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
    {
        let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
        let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
        if RESERVED.contains(&name) {
            return Err(format!("cannot set the header {name}"));
        }
        let value = percent_decode_str(value.trim()).decode_utf8();
        let value = HeaderValue::from_str(&value.map_err(|_| wrong())?);
        let mut value = value.map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// L-01: a misspelt level is an error and not a name that silences the log.
    #[test]
    fn a_misspelt_level_is_an_error() {
        for filter in [
            "inof",
            "Information",
            "warning",
            "info,inof",
            "doorward_mail=debug, verbose",
            "all",
            "7",
        ] {
            let refused = log_filter(filter).unwrap_err();
            assert!(refused.contains("name=level"), "{filter}: {refused}");
            assert!(!refused.contains(filter), "{refused}");
        }
        for filter in [
            "",
            "info",
            "INFO",
            "off",
            "3",
            "warn,doorward_mail=debug",
            "doorward",
            "doorward_mail",
            "doorward::worker",
            "sqlx,info",
            "info,",
            "inof=info",
            "warn,[request]=debug",
            "hyper_util",
            "info,h2=off",
        ] {
            assert!(log_filter(filter).is_ok(), "{filter}");
        }
    }

    #[test]
    fn an_invalid_header_is_rejected_and_not_shown() {
        for text in [
            "hunter2",
            "a b=hunter2",
            "=hunter2",
            "x=hunter2%0A",
            "x=hunter2%FF",
            "host=hunter2",
        ] {
            let refused = otlp_headers(text).unwrap_err();
            assert!(!refused.contains("hunter2"), "{refused}");
        }
        assert!(otlp_headers("").unwrap().is_empty());
    }
}
