//! Reads cookies of requests and sets cookies in responses.

use axum::http::header::{self, HeaderMap, HeaderValue};

/// Maximum length of a cookie that browsers store, in bytes (RFC 6265, section 6.1).
const MAX_BYTES: usize = 4096;

/// Returns all values of the cookie `name`. A value that is not ASCII is returned as empty, since Doorward never
/// sets one. Other cookies are not parsed, so one that another application set for the whole domain cannot hide
/// Doorward's (A-08, S-09).
pub(crate) fn values<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h str> {
    let fields = headers.get_all(header::COOKIE).iter();
    let pairs = fields.flat_map(|field| field.as_bytes().split(|b| *b == b';'));
    pairs.filter_map(move |pair| {
        let value = pair.trim_ascii().strip_prefix(name.as_bytes())?;
        let text = std::str::from_utf8(value.strip_prefix(b"=")?);
        Some(text.ok().filter(|text| text.is_ascii()).unwrap_or_default())
    })
}

/// Returns the value of the cookie `name`; `None` if it is absent or was sent twice.
pub(crate) fn single<'h>(headers: &'h HeaderMap, name: &'h str) -> Option<&'h str> {
    let mut values = values(headers, name);
    values.next().filter(|_| values.next().is_none())
}

/// Sets a cookie for all paths of this host, for `max_age` seconds; 0 deletes it. A cookie that browsers would not
/// store is not set.
pub(crate) fn set(headers: &mut HeaderMap, name: &str, value: &str, max_age: i64) {
    let cookie =
        format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={max_age}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie)
        && cookie.len() <= MAX_BYTES
    {
        headers.append(header::SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A-08, S-09.
    #[test]
    fn a_cookie_that_is_not_ascii_does_not_hide_ours() {
        for (fields, expected) in [
            (&[&b"a=b; mine=x"[..]][..], &["x"][..]),
            (&["mine=x; name=Zo\u{eb}".as_bytes()], &["x"]),
            (&[b"name=\xff; mine=x"], &["x"]),
            (&[b"\xff=\xfe;mine=x;\xff"], &["x"]),
            (&[b"name=\xff", b"mine=x"], &["x"]),
            (&[b" mine=x=y "], &["x=y"]),
            // Both are returned.
            (&[b"mine=x; mine=\xff"], &["x", ""]),
            (&[b"mine=\xc3\xab"], &[""]),
            (&[b"mine", b"mines=x; xmine=y; =mine; Mine=z"], &[]),
        ] {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(header::COOKIE, HeaderValue::from_bytes(field).unwrap());
            }
            let found: Vec<_> = values(&headers, "mine").collect();
            assert_eq!(found, expected, "{fields:?}");
        }
    }
}
