//! The way back: where somebody was going when they were asked to sign in.
//!
//! `GET /auth?return_to=/reports?year=2026` leads there after the sign-in. Whoever writes such a link
//! chooses where a person lands, so only a path of our own origin is taken, or of one that the operator
//! has named in `return_to.origins` (W-04); of anything else nothing is said, and the person lands at home.
//! Of signing in, the path of its page is all that is known here.
//!
//! A sign-up goes on by a mail. The way back waits in a cookie meanwhile, so that whoever opens the link in
//! the same browser goes on, and the mail says nothing of where.

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str};

use axum::http::header::{HeaderMap, HeaderValue, SET_COOKIE};

use crate::body::Fields;
use crate::origins::Origins;
use crate::pages::reader::cookies;

/// The name in the query and in forms.
const NAME: &str = "return_to";
/// The longest way back.
const MAX_BYTES: usize = 2048;
/// What a link may have and a `Location` may not, beside all that is not ASCII.
const SPACE: &AsciiSet = &CONTROLS.add(b' ');
/// What stays as it is in the value of a query.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The cookie in which it waits for a mailed link to be opened.
const COOKIE: &str = "__Host-doorward-way";
/// As long as that link lives.
const COOKIE_SECONDS: u32 = 24 * 3600;
/// No browser keeps a longer cookie (RFC 6265, 6.1).
const COOKIE_BYTES: usize = 4096;

/// A path on our own origin, with its query; or a whole URL of an origin that the operator named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WayBack(String);

impl WayBack {
    /// Takes a path that every browser resolves to our own origin, and that still begins with one
    /// slash for a program that decodes it once more, or removes its dots.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if !text.starts_with('/') || text.contains(|c: char| c == '\\' || c.is_ascii_control()) {
            return None;
        }
        let text = percent_encoding::utf8_percent_encode(text, SPACE).to_string();
        let path = text.split(['?', '#']).next().unwrap_or_default();
        let path = percent_decode_str(path).decode_utf8().ok()?;
        let is_plain = !path.starts_with("//")
            && !path.contains(|c: char| c == '\\' || c.is_control())
            && !path.split('/').any(|segment| matches!(segment, "." | ".."));
        (is_plain && text.len() <= MAX_BYTES).then_some(Self(text))
    }

    /// Takes a path of ours, or the URL of a place at one of these origins. Its origin is compared letter by
    /// letter as it stands, and what follows must begin with a slash: a browser that reads the same text
    /// finds the same origin in it.
    pub(crate) fn parse_any(text: &str, origins: &Origins) -> Option<Self> {
        if text.starts_with('/') {
            return Self::parse(text);
        }
        let after_scheme = text.find("://")? + 3;
        let end = text[after_scheme..].find(['/', '?', '#', '\\']);
        let (origin, rest) = text.split_at(end.map_or(text.len(), |end| after_scheme + end));
        if !origins.has(origin.as_bytes()) {
            return None;
        }
        let Self(path) = Self::parse(if rest.is_empty() { "/" } else { rest })?;
        let place = format!("{origin}{path}");
        (place.len() <= MAX_BYTES).then_some(Self(place))
    }

    /// From the query of a link. A value that begins with a slash is taken as it stands, to the end of
    /// the query, since nginx has no way to encode it; any other is decoded first.
    pub(crate) fn of_query(query: Option<&str>, origins: &Origins) -> Option<Self> {
        let query = query?;
        let starts = query
            .match_indices(NAME)
            .map(|(at, name)| (at, at + name.len()));
        let mut values = starts.filter_map(|(at, end)| {
            let is_name = at == 0 || query.as_bytes()[at - 1] == b'&';
            is_name.then_some(query[end..].strip_prefix('=')?)
        });
        let value = values.next()?;
        if value.starts_with('/') {
            return Self::parse(value);
        }
        let value = value
            .split('&')
            .next()
            .unwrap_or_default()
            .replace('+', " ");
        Self::parse_any(&percent_decode_str(&value).decode_utf8().ok()?, origins)
    }

    /// Takes the hidden field out of a form.
    pub(crate) fn of_form(fields: &mut Fields, origins: &Origins) -> Option<Self> {
        fields
            .optional(NAME, |text| Ok(Self::parse_any(text, origins)))
            .flatten()
    }

    /// The one that waits in this browser.
    pub(crate) fn of_cookie(headers: &HeaderMap, origins: &Origins) -> Option<Self> {
        let mut values = cookies(headers, COOKIE);
        let value = values.next().filter(|_| values.next().is_none())?;
        Self::parse_any(&percent_decode_str(value).decode_utf8().ok()?, origins)
    }

    /// Has it wait in this browser. A way that is too long for it ends at the mail.
    pub(crate) fn wait(&self, headers: &mut HeaderMap) {
        let value = percent_encoding::utf8_percent_encode(&self.0, VALUE);
        set_cookie(headers, &value.to_string(), COOKIE_SECONDS);
    }

    /// It waits no more.
    pub(crate) fn forget(headers: &mut HeaderMap) {
        set_cookie(headers, "", 0);
    }

    /// The path and its query, or the whole URL where it is not ours.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What a `Location` says.
    pub(crate) fn location(&self, public_url: &str) -> String {
        match self.0.starts_with('/') {
            true => format!("{public_url}{}", self.0),
            false => self.0.clone(),
        }
    }
}

fn set_cookie(headers: &mut HeaderMap, value: &str, seconds: u32) {
    let cookie =
        format!("{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie)
        && cookie.len() <= COOKIE_BYTES
    {
        headers.append(SET_COOKIE, cookie);
    }
}

/// The path of the sign-in page that leads back there.
pub(crate) fn sign_in_path(way_back: Option<&WayBack>) -> String {
    way_back.map_or_else(
        || "/auth".to_owned(),
        |WayBack(path)| {
            let value = percent_encoding::utf8_percent_encode(path, VALUE);
            format!("/auth?{NAME}={value}")
        },
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    const OURS: &str = "https://accounts.example";

    fn taken(text: &str) -> Option<String> {
        WayBack::parse(text).map(|WayBack(path)| path)
    }

    fn of_query(query: &str) -> Option<String> {
        WayBack::of_query(Some(query), &Origins::default()).map(|WayBack(path)| path)
    }

    const THEIRS: &str = "https://app.example, https://app.example:8443, http://localhost:5173";

    fn taken_of_theirs(text: &str) -> Option<String> {
        let origins = THEIRS.parse().unwrap();
        WayBack::parse_any(text, &origins).map(|WayBack(place)| place)
    }

    #[test]
    fn a_path_of_our_own_is_taken_as_it_is() {
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
            "/\"<script>'`{}|^",
            "/100%25",
        ] {
            assert_eq!(taken(path).as_deref(), Some(path));
        }
        assert_eq!(taken("/straße/a b?ü").unwrap(), "/stra%C3%9Fe/a%20b?%C3%BC");
    }

    /// W-04: what an operator has named, and no more.
    #[test]
    fn a_place_at_a_named_origin_is_taken() {
        for (text, place) in [
            ("https://app.example", "https://app.example/"),
            ("https://app.example/", "https://app.example/"),
            ("https://app.example/a?b=c#d", "https://app.example/a?b=c#d"),
            (
                "https://app.example:8443/ü",
                "https://app.example:8443/%C3%BC",
            ),
            ("http://localhost:5173/x", "http://localhost:5173/x"),
            ("/x", "/x"),
        ] {
            assert_eq!(taken_of_theirs(text).as_deref(), Some(place));
        }
        for text in [
            "http://app.example/",
            "https://APP.example/",
            "HTTPS://app.example/",
            "https://app.example:443/",
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
            "https://app.example\\@evil.example/",
            "https://app.example\\.evil.example/",
            "https://app.example?x",
            "https://app.example#@evil.example/",
            "https://app.example//evil.example",
            "https://app.example/%2f/evil.example",
            "https://app.example/\\evil.example",
            "https://app.example/../x",
            "https://app.example/\r\nX: y",
            "https://app.example%2f@evil.example/",
            "https://app.example\t/",
            " https://app.example/",
            "https:/app.example/",
            "https:app.example/",
            "//app.example/",
            "\\\\app.example/",
            "app.example/",
            "javascript://app.example/%0aalert(1)",
            "https://http://localhost:5173/",
            "http://localhost:5173.evil.example/",
            "http://[::1]:5173/",
            "http://127.0.0.1:5173/",
            "https://ａpp.example/",
            "https://app。example/",
            "null",
            "*",
        ] {
            assert_eq!(taken_of_theirs(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_leads_elsewhere_is_not() {
        for text in [
            "",
            "reports",
            "?x",
            "#x",
            "https://evil.example",
            "https:/evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "//evil.example",
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
            " /reports",
            "/reports\r\nSet-Cookie: a=b",
            "/reports\0",
            "/reports\u{7f}",
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
            "/a/%2E%2e/b",
            "/./",
            "/%ff",
            "%2Freports",
            "%2F%2Fevil.example",
            "@evil.example",
            ".evil.example",
            ":443/x",
            "／／evil.example",
        ] {
            assert_eq!(taken(text), None, "{text:?}");
        }
        let longest = format!("/{}", "x".repeat(MAX_BYTES - 1));
        assert!(taken(&longest).is_some());
        assert_eq!(taken(&format!("{longest}x")), None);
        assert_eq!(taken(&format!("/{}", "ü".repeat(MAX_BYTES / 6 + 1))), None);
    }

    #[test]
    fn a_link_gives_it_encoded_or_as_it_stands() {
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
            assert_eq!(of_query(query).as_deref(), Some(path), "{query}");
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
            assert_eq!(of_query(query), None, "{query}");
        }
        assert_eq!(WayBack::of_query(None, &Origins::default()), None);
    }

    /// What is nasty somewhere, and some of what is not.
    fn nasty() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[/\\\\.:@?#%&=+ \t\r\n]{1,3}",
            "%(2[fFeE]|5[cC]|0[09aAdD]|25|40|3[aA])",
            "(https?|javascript|data|evil\\.example|ü|／|。|\u{a0}|\u{2028}|a|0)",
            any::<char>().prop_map(String::from),
        ];
        let pieces = proptest::collection::vec(piece, 0..8);
        ("/?", pieces).prop_map(|(slash, pieces)| slash + &pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn whatever_is_taken_stays_on_our_origin(text in nasty()) {
            if let Some(WayBack(path)) = WayBack::parse(&text) {
                let ours = Url::parse(OURS).unwrap();
                for resolved in [ours.join(&path), Url::parse(&format!("{OURS}{path}"))] {
                    let resolved = resolved.unwrap();
                    prop_assert_eq!(resolved.origin(), ours.origin());
                    prop_assert!(!resolved.path().starts_with("//"), "{}", resolved);
                }
                // Decoded once more, as by a careless program, it is still ours.
                let decoded = percent_decode_str(&path).decode_utf8_lossy().into_owned();
                prop_assert_eq!(ours.join(&decoded).unwrap().origin(), ours.origin());
                prop_assert!(path.is_ascii() && path.len() <= MAX_BYTES);
                HeaderValue::from_str(&path).unwrap();
            }
        }

        /// W-04: what we read as the origin is what a browser reads (differential, against `url`).
        #[test]
        fn whatever_is_taken_stays_on_our_origin_or_theirs(
            host in prop_oneof![
                "https?://(app|evil)\\.example(:8443|:443|)",
                "http://localhost:5173",
                "[a-z]{0,3}:?/{0,3}[\\\\@.:]{0,2}app\\.example",
            ],
            text in nasty(),
        ) {
            if let Some(place) = taken_of_theirs(&format!("{host}{text}")) {
                let origins: Origins = THEIRS.parse().unwrap();
                let ours = Url::parse(OURS).unwrap();
                let read = ours.join(&place).unwrap();
                let origin = read.origin().ascii_serialization();
                let is_theirs = origins.has(origin.as_bytes());
                prop_assert_eq!(place.starts_with('/'), read.origin() == ours.origin());
                prop_assert!(is_theirs || read.origin() == ours.origin(), "{}", place);
                prop_assert!(read.username().is_empty() && read.password().is_none());
                prop_assert!(!read.path().starts_with("//"), "{}", place);
                HeaderValue::from_str(&place).unwrap();
            }
        }

        /// A cookie gives back what was put into it, and fits.
        #[test]
        fn a_way_back_waits_as_it_is(text in nasty()) {
            if let Some(way_back) = WayBack::parse(&text) {
                let mut set = HeaderMap::new();
                way_back.wait(&mut set);
                let cookie = set[SET_COOKIE].to_str().unwrap();
                prop_assert!(cookie.len() <= COOKIE_BYTES);
                let mut sent = HeaderMap::new();
                let pair = cookie.split(';').next().unwrap();
                sent.insert("cookie", pair.parse().unwrap());
                let read = WayBack::of_cookie(&sent, &Origins::default());
                prop_assert_eq!(read, Some(way_back));
            }
        }

        #[test]
        fn a_link_of_ours_leads_where_it_was_made_for(text in nasty()) {
            if let Some(way_back) = WayBack::parse(&text) {
                let link = sign_in_path(Some(&way_back));
                let (path, query) = link.split_once('?').unwrap();
                prop_assert_eq!(path, "/auth");
                prop_assert_eq!(WayBack::of_query(Some(query), &Origins::default()), Some(way_back));
            }
        }
    }
}
