//! Origins that an operator names: exactly those, and no pattern (H-09, W-04).
//!
//! An origin is what a browser says in `Origin`: scheme, host and port, in lower case, without the port
//! that goes without saying. They are compared byte by byte, so that nothing looks like one of them.

use std::fmt;
use std::str::FromStr;

/// The origins of a setting. None by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Whether that is one of them, letter by letter.
    pub(crate) fn has(&self, origin: &[u8]) -> bool {
        self.0.iter().any(|known| known.as_bytes() == origin)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every one, as a browser spells it.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Origins, with commas.
impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = text.split(',').map(str::trim);
        let origins = names.filter(|name| !name.is_empty()).map(origin);
        origins.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

fn origin(text: &str) -> Result<String, String> {
    let wrong = |what: &str| {
        Err(format!(
            "`{text}` {what}: name each origin in full, such as https://app.example.com"
        ))
    };
    if text.contains('*') {
        return wrong("is a pattern");
    }
    if text == "null" {
        return wrong("is what every sandboxed page says of itself");
    }
    let text = text.to_ascii_lowercase();
    let Some((scheme @ ("https" | "http"), authority)) = text.split_once("://") else {
        return wrong("does not begin with https:// or http://");
    };
    if authority.contains(['/', '?', '#', '@', '\\']) {
        return wrong("has more than scheme, host and port");
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if !is_host(host) {
        return wrong("has no host as browsers spell it (beyond ASCII, xn--…)");
    }
    let usual = if scheme == "https" { "443" } else { "80" };
    match port {
        None => Ok(format!("{scheme}://{host}")),
        Some(port) if port == usual => Ok(format!("{scheme}://{host}")),
        Some(port) if is_port(port) => Ok(format!("{scheme}://{host}:{port}")),
        Some(_) => wrong("has no port from 1 to 65535"),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        let address = inner.strip_suffix(']').unwrap_or_default();
        // In the one spelling that a browser uses.
        let parsed = address.parse::<std::net::Ipv6Addr>();
        return parsed.is_ok_and(|parsed| parsed.to_string() == address);
    }
    let is_name = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    host.split('.').all(is_name)
}

fn is_port(port: &str) -> bool {
    !port.starts_with('0') && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H-09: what stands in the list is what a browser says, and the `url` crate reads it so too.
    #[test]
    fn an_origin_is_taken_as_a_browser_spells_it() {
        for (text, spelled) in [
            ("https://app.example.com", "https://app.example.com"),
            ("HTTPS://App.Example.com", "https://app.example.com"),
            ("https://app.example.com:443", "https://app.example.com"),
            (
                "https://app.example.com:8443",
                "https://app.example.com:8443",
            ),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://localhost:80", "http://localhost"),
            ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
            (
                "https://xn--strae-oqa.example",
                "https://xn--strae-oqa.example",
            ),
        ] {
            let origins: Origins = text.parse().unwrap();
            assert_eq!(origins.to_string(), spelled);
            assert!(origins.has(spelled.as_bytes()));
            let read = url::Url::parse(text)
                .unwrap()
                .origin()
                .ascii_serialization();
            assert_eq!(read, spelled);
        }
        let two: Origins = " https://a.example ,https://b.example,".parse().unwrap();
        assert_eq!(two.to_string(), "https://a.example, https://b.example");
        assert!(Origins::default().is_empty() && "".parse::<Origins>().unwrap().is_empty());
    }

    /// H-09.
    #[test]
    fn what_is_no_origin_is_refused_at_start() {
        for text in [
            "*",
            "null",
            "https://*.example.com",
            "https://*",
            "app.example.com",
            "//app.example.com",
            "ftp://app.example.com",
            "file://",
            "https://",
            "https://app.example.com/",
            "https://app.example.com/path",
            "https://app.example.com?x",
            "https://app.example.com#x",
            "https://user@app.example.com",
            "https://app.example.com\\@evil.example",
            "https://app.example.com:0",
            "https://app.example.com:065",
            "https://app.example.com:65536",
            "https://app.example.com:",
            "https://app..example.com",
            "https://.example.com",
            "https://app.example.com https://b.example",
            "https://straße.example",
            "https://[2001:DB8:0::1]",
            "https://[::1",
            "https://a b",
        ] {
            assert!(text.parse::<Origins>().is_err(), "{text}");
            assert!(
                format!("https://a.example, {text}")
                    .parse::<Origins>()
                    .is_err()
            );
        }
    }
}
