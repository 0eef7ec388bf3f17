//! `return_to`: where a browser goes after it has signed in (W-04).
//!
//! `GET /sign-in?return_to=/reports?year=2026` goes there after the sign-in. Anyone can write such a link,
//! so only a path of our own origin is accepted, or a URL of an origin in `return_to.origins`. Any other
//! value is ignored, and the browser goes to the page of the account.
//!
//! A sign-up continues by mail. Until the mailed link is opened, a cookie of the same browser stores the
//! target, so that the mail does not contain it.

use std::sync::LazyLock;

use axum::http::{HeaderMap, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::{Position, Url};

use crate::http::body::Fields;
use crate::http::cookies;
use crate::http::origins::Origins;

/// Name of the query parameter and of the form field.
const PARAMETER: &str = "return_to";
/// Maximum length of a target, in bytes.
const MAX_BYTES: usize = 2048;
/// Characters that are percent-encoded in a query value, a part of a path or a cookie: all but the unreserved ones.
pub(crate) const VALUE_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The cookie that stores the target until the mailed link is opened.
const COOKIE: &str = "__Host-doorward-return-to";
/// Lifetime of the cookie: that of the confirmation link, in seconds.
const COOKIE_SECONDS: i64 = 24 * 3600;
/// Stands for this server's origin while a path is parsed.
static BASE: LazyLock<Url> =
    LazyLock::new(|| Url::parse("https://own.invalid").expect("a constant URL"));

/// A path of our own origin with its query, or a URL of a configured origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReturnTo(String);

impl ReturnTo {
    /// Parses a target as browsers do (WHATWG URL Standard). Also rejects a path that is unsafe if a program
    /// decodes it again.
    pub(crate) fn parse(text: &str, origins: &Origins) -> Option<Self> {
        let is_forbidden = |c: char| c == '\\' || c.is_control();
        if text.starts_with("//") || text.contains(is_forbidden) {
            return None;
        }
        let url = BASE.join(text).ok()?;
        let path = percent_decode_str(url.path()).decode_utf8().ok()?;
        if path.starts_with("//") || path.contains(is_forbidden) {
            return None;
        }
        let target = if text.starts_with('/') {
            &url[Position::BeforePath..]
        } else {
            let has_user = !url.username().is_empty() || url.password().is_some();
            let is_listed = origins.contains(&url.origin().ascii_serialization());
            (is_listed && !has_user).then_some(url.as_str())?
        };
        (target.len() <= MAX_BYTES).then(|| Self(target.to_owned()))
    }

    /// Reads the query of a link. A value that begins with a slash extends to the end of the query,
    /// since nginx cannot encode it; any other value is decoded first.
    pub(crate) fn from_query(query: Option<&str>, origins: &Origins) -> Option<Self> {
        let query = query?;
        let value = query.strip_prefix("return_to=").or_else(|| {
            let (_, value) = query.split_once("&return_to=")?;
            Some(value)
        })?;
        if value.starts_with('/') {
            return Self::parse(value, origins);
        }
        let value = value.split('&').next().unwrap_or_default();
        let value = value.replace('+', " ");
        Self::parse(&percent_decode_str(&value).decode_utf8().ok()?, origins)
    }

    /// Takes the hidden field out of a form.
    pub(crate) fn take_from_form(fields: &mut Fields, origins: &Origins) -> Option<Self> {
        fields
            .optional(PARAMETER, |text| Ok(Self::parse(text, origins)))
            .flatten()
    }

    /// Takes the page of this server that a form of every page was on.
    pub(crate) fn take_page(fields: &mut Fields) -> Option<Self> {
        let parse = |text: &str| Ok(Self::parse(text, &Origins::default()));
        fields.optional("page", parse).flatten()
    }

    /// Reads the cookie.
    pub(crate) fn from_cookie(headers: &HeaderMap, origins: &Origins) -> Option<Self> {
        let value = percent_decode_str(cookies::single(headers, COOKIE)?);
        Self::parse(&value.decode_utf8().ok()?, origins)
    }

    /// Sets the cookie, unless the target is too long for one.
    pub(crate) fn set_cookie(&self, headers: &mut HeaderMap) {
        let value = utf8_percent_encode(&self.0, VALUE_ESCAPES);
        cookies::set(headers, COOKIE, &value.to_string(), COOKIE_SECONDS);
    }

    /// Deletes the cookie.
    pub(crate) fn clear_cookie(headers: &mut HeaderMap) {
        cookies::set(headers, COOKIE, "", 0);
    }

    /// The value for `Location`.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The path of the sign-in page that returns to the target.
pub(crate) fn sign_in_path(return_to: Option<&ReturnTo>) -> String {
    with_return_to("/sign-in", return_to)
}

/// The path of a page that returns to the target. The path may have a query.
pub(crate) fn with_return_to(path: &str, return_to: Option<&ReturnTo>) -> String {
    match return_to {
        None => path.to_owned(),
        Some(ReturnTo(target)) => {
            let value = utf8_percent_encode(target, VALUE_ESCAPES);
            let separator = if path.contains('?') { '&' } else { '?' };
            format!("{path}{separator}{PARAMETER}={value}")
        }
    }
}

/// The first page of the section that a form belongs to: the first two parts of its path.
pub(crate) fn section_of(path: &str) -> &str {
    let mut slashes = path.match_indices('/').map(|(at, _)| at);
    slashes.nth(2).map_or(path, |third| &path[..third])
}

/// The page of a request, for a form that returns to it: the path, with those parts of the query that select what the page
/// shows, and a valid target.
pub(crate) fn current_page(uri: &Uri, origins: &Origins) -> String {
    let path = uri.path();
    let Some(query) = uri.query() else {
        return path.to_owned();
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=".contains(c);
    let is_selecting = |part: &&str| !part.starts_with(PARAMETER) && part.chars().all(is_plain);
    let selecting: Vec<_> = query.split('&').take_while(is_selecting).collect();
    let page = match selecting.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", selecting.join("&")),
    };
    with_return_to(&page, ReturnTo::from_query(Some(query), origins).as_ref())
}

#[cfg(test)]
mod tests {
    use axum::http::header::SET_COOKIE;

    use super::*;

    fn parse(text: &str) -> Option<String> {
        let origins = "https://app.example, https://app.example:8443, http://localhost:5173";
        ReturnTo::parse(text, &origins.parse().unwrap()).map(|ReturnTo(target)| target)
    }

    fn from_query(query: &str) -> Option<String> {
        ReturnTo::from_query(Some(query), &Origins::default()).map(|ReturnTo(target)| target)
    }

    #[test]
    fn a_path_is_accepted_as_browsers_read_it() {
        for path in [
            "/",
            "/reports",
            "/reports/",
            "/reports?year=2026&to=%2F%2Fevil.example#top",
            "/?next=https://evil.example/&q=a%0Ab%5Cc",
            "/a//b",
            "/a%2Fb",
            "/a:b@c",
            "/.well-known/x",
            "/...",
            "/100%25",
        ] {
            assert_eq!(parse(path).as_deref(), Some(path));
        }
        for (text, path) in [
            ("/straße/a b?ü", "/stra%C3%9Fe/a%20b?%C3%BC"),
            ("/a/../b/./c", "/b/c"),
            ("/\"<script>", "/%22%3Cscript%3E"),
        ] {
            assert_eq!(parse(text).as_deref(), Some(path));
        }
    }

    #[test]
    fn a_url_of_a_configured_origin_is_accepted() {
        for (text, target) in [
            ("https://app.example", "https://app.example/"),
            ("https://app.example/a?b=c#d", "https://app.example/a?b=c#d"),
            (
                "https://app.example:8443/ü",
                "https://app.example:8443/%C3%BC",
            ),
            ("http://localhost:5173/x", "http://localhost:5173/x"),
            ("HTTPS://APP.example:443/", "https://app.example/"),
        ] {
            assert_eq!(parse(text).as_deref(), Some(target));
        }
    }

    /// W-04.
    #[test]
    fn other_targets_are_rejected() {
        for text in [
            "",
            "reports",
            "?x",
            "#x",
            "https://evil.example",
            "https:/evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "javascript://app.example/%0aalert(1)",
            "data:text/html,x",
            "//evil.example",
            "//own.invalid/x",
            "https://own.invalid/x",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "\\\\evil.example",
            "/a\\b",
            "/a?b\\c",
            "/\t/evil.example",
            "/\n/evil.example",
            "\t//evil.example",
            " //evil.example",
            "/reports\r\nSet-Cookie: a=b",
            "/reports\0",
            "/reports\u{7f}",
            "/reports\u{85}",
            "/%2Fevil.example",
            "/%2f%2fevil.example",
            "/%5Cevil.example",
            "/%09/evil.example",
            "/%0d%0aSet-Cookie:a=b",
            "/a%0ab",
            "/%00",
            "/%c2%85",
            "/.//evil.example",
            "/..//evil.example",
            "/%2e//evil.example",
            "/%ff",
            "%2Freports",
            "@evil.example",
            ".evil.example",
            ":443/x",
            "／／evil.example",
            "http://app.example/",
            "https://app.example:8444/",
            "https://app.example:8443:1/",
            "https://app.example./",
            "https://app.example.evil.example/",
            "https://evil.example/app.example",
            "https://evilapp.example/",
            "https://evil.app.example/",
            "https://app.example@evil.example/",
            "https://app.example:8443@evil.example/",
            "https://user@app.example/",
            "https://:secret@app.example/",
            "https://app.example\\@evil.example/",
            "https://app.example//evil.example",
            "https://app.example/%2f/evil.example",
            "https://app.example%2f@evil.example/",
            "http://localhost:5173.evil.example/",
            "http://127.0.0.1:5173/",
            "null",
            "*",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_length_is_limited() {
        let longest = format!("/{}", "x".repeat(MAX_BYTES - 1));
        assert!(parse(&longest).is_some());
        assert_eq!(parse(&format!("{longest}x")), None);
        assert_eq!(parse(&format!("/{}", "ü".repeat(MAX_BYTES / 6 + 1))), None);
    }

    #[test]
    fn a_query_has_the_target_encoded_or_verbatim() {
        for (query, path) in [
            (
                "return_to=/a?b=c&d=e%26f&return_to=g#h",
                "/a?b=c&d=e%26f&return_to=g#h",
            ),
            ("return_to=/a%3Fb", "/a%3Fb"),
            ("return_to=%2Fa%3Fb%3Dc%26d%3De%2526f&x=y", "/a?b=c&d=e%26f"),
            ("return_to=%2fa%3fq%3d1%2b1+2", "/a?q=1+1%202"),
            ("lang=de&return_to=/a", "/a"),
        ] {
            assert_eq!(from_query(query).as_deref(), Some(path), "{query}");
        }
        for query in [
            "",
            "return_to",
            "return_to=",
            "return_to=//evil.example",
            "return_to=%2F%2Fevil.example",
            "return_to=%2F%5Cevil.example",
            "return_to=%2Fa%0D%0AX:y",
            "return_to=%252Fa",
            "return_to=https%3A%2F%2Fevil.example",
            "return_to=%ff",
            "xreturn_to=/a",
            "return_too=/a",
            "next=/a",
        ] {
            assert_eq!(from_query(query), None, "{query}");
        }
        assert_eq!(ReturnTo::from_query(None, &Origins::default()), None);
    }

    #[test]
    fn a_page_keeps_what_selects_its_content() {
        for (uri, page) in [
            ("/sign-in", "/sign-in"),
            ("/sign-in?signed-out", "/sign-in?signed-out"),
            (
                "/sign-up?with=username&return_to=/a?b=c",
                "/sign-up?with=username&return_to=%2Fa%3Fb%3Dc",
            ),
            ("/sign-in?return_to=//evil.example", "/sign-in"),
            ("/sign-in?x=%22&y", "/sign-in"),
        ] {
            let found = current_page(&uri.parse().unwrap(), &Origins::default());
            assert_eq!(found, page);
        }
    }

    #[test]
    fn the_cookie_and_the_sign_in_link_return_the_same_target() {
        let origins = Origins::default();
        let target = ReturnTo::parse("/reports?a=1&b=c;d,e f%2F#top", &origins).unwrap();
        let mut set = HeaderMap::new();
        target.set_cookie(&mut set);
        let cookie = set[SET_COOKIE].to_str().unwrap();
        let mut sent = HeaderMap::new();
        sent.insert("cookie", cookie.split(';').next().unwrap().parse().unwrap());
        assert_eq!(
            ReturnTo::from_cookie(&sent, &origins).as_ref(),
            Some(&target)
        );
        let link = sign_in_path(Some(&target));
        let query = link.strip_prefix("/sign-in?");
        assert_eq!(
            ReturnTo::from_query(query, &origins).as_ref(),
            Some(&target)
        );
        let link = with_return_to("/sign-up?with=username", Some(&target));
        let query = link.strip_prefix("/sign-up?");
        assert_eq!(ReturnTo::from_query(query, &origins), Some(target));
    }
}
