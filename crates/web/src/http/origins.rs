//! Origins of a setting (H-09, W-04): exact matches only, no patterns.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// A list of origins, each as a browser sends it in `Origin`. Empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Returns `true` if the origin is in the list.
    pub(crate) fn contains(&self, origin: &str) -> bool {
        self.0.iter().any(|known| known == origin)
    }

    /// Returns `true` if the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The origins, as browsers send them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Parses a list separated by commas.
impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = text.split(',').map(str::trim);
        let origins = names.filter(|name| !name.is_empty()).map(parse);
        origins.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

fn parse(text: &str) -> Result<String, String> {
    let invalid = |reason: &str| {
        format!("`{text}` {reason}. Write each origin in full, such as https://app.example.com")
    };
    if text.contains('*') {
        return Err(invalid("is a pattern"));
    }
    let url = Url::parse(text).map_err(|error| invalid(&format!("is not a URL: {error}")))?;
    if !["https", "http"].contains(&url.scheme()) || !text.contains("://") {
        return Err(invalid("does not begin with https:// or http://"));
    }
    let has_user = !url.username().is_empty() || url.password().is_some();
    let has_more = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
    if has_user || has_more || text.contains('\\') {
        return Err(invalid("has more than scheme, host and port"));
    }
    Ok(url.origin().ascii_serialization())
}

/// Returns the origin of a URL, as browsers write it; empty if the URL is invalid.
pub(crate) fn origin_of(url: &str) -> String {
    Url::parse(url).map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H-09.
    #[test]
    fn an_origin_is_stored_as_browsers_write_it() {
        for (text, expected) in [
            ("https://app.example.com", "https://app.example.com"),
            ("https://app.example.com/", "https://app.example.com"),
            ("HTTPS://App.Example.com", "https://app.example.com"),
            ("https://app.example.com:443", "https://app.example.com"),
            (
                "https://app.example.com:8443",
                "https://app.example.com:8443",
            ),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://localhost:80", "http://localhost"),
            ("https://[2001:DB8:0::1]:8443", "https://[2001:db8::1]:8443"),
            ("https://straße.example", "https://xn--strae-oqa.example"),
        ] {
            let origins: Origins = text.parse().unwrap();
            assert_eq!(origins.to_string(), expected);
            assert!(origins.contains(expected));
        }
        let two: Origins = " https://a.example ,https://b.example,".parse().unwrap();
        assert_eq!(two.to_string(), "https://a.example, https://b.example");
        assert!(Origins::default().is_empty() && "".parse::<Origins>().unwrap().is_empty());
    }

    /// H-09.
    #[test]
    fn anything_but_an_origin_is_rejected() {
        for text in [
            "*",
            "null",
            "https://*.example.com",
            "app.example.com",
            "//app.example.com",
            "https:app.example.com",
            "ftp://app.example.com",
            "file://",
            "https://",
            "https://app.example.com/path",
            "https://app.example.com?x",
            "https://app.example.com#x",
            "https://user@app.example.com",
            "https://app.example.com\\@evil.example",
            "https://app.example.com:65536",
            "https://app.example.com https://b.example",
            "https://[::1",
            "https://a b",
        ] {
            assert!(text.parse::<Origins>().is_err(), "{text}");
            let list = format!("https://a.example, {text}");
            assert!(list.parse::<Origins>().is_err(), "{text}");
        }
    }
}
