//! Content negotiation: media type and language of the response.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE};
use doorward_domain::values::Locale;

use crate::http::cookies;

/// Returns `true` if the client prefers a page: `text/html` ranks ahead of JSON.
pub fn wants_html(headers: &HeaderMap) -> bool {
    // Most programs send no `Accept`.
    let Some(accept) = headers.get(ACCEPT) else {
        return false;
    };
    let accept = accept.to_str().unwrap_or_default();
    let quality = |wanted: &str| {
        let of_range = |(at, range): (usize, &str)| {
            let mut parts = range.split(';');
            (parts.next()?.trim().eq_ignore_ascii_case(wanted)).then_some(())?;
            let q = parts
                .find_map(|part| part.trim().strip_prefix(['q', 'Q'])?.strip_prefix('='))
                .and_then(|q| q.parse::<f32>().ok())
                .unwrap_or(1.0);
            Some((q, std::cmp::Reverse(at)))
        };
        accept.split(',').take(32).enumerate().find_map(of_range)
    };
    match (quality("text/html"), quality("application/json")) {
        (None, _) => false,
        (Some((q, _)), _) if q <= 0.0 => false,
        (Some(_), None) => true,
        (Some(html), Some(json)) => html.partial_cmp(&json) == Some(std::cmp::Ordering::Greater),
    }
}

/// The media types of responses, and the ranges that include them.
const KINDS: &[&str] = &[
    "*/*",
    "application/*",
    "application/json",
    "application/problem+json",
    "application/jwk-set+json",
    "text/*",
    "text/html",
    "text/css",
    "text/plain",
];

/// Returns `true` if the client accepts a media type that this server has (H-04).
pub fn is_acceptable(headers: &HeaderMap) -> bool {
    let mut fields = headers.get_all(ACCEPT).iter().peekable();
    if fields.peek().is_none() {
        return true;
    }
    let is_available = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let is_excluded = parts
            .filter_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok())
            .any(|quality| quality <= 0.0);
        // An empty field accepts any type.
        !is_excluded
            && (kind.is_empty() || KINDS.iter().any(|known| kind.eq_ignore_ascii_case(known)))
    };
    fields.any(|field| {
        let text = field.to_str().unwrap_or_default();
        text.split(',').any(is_available)
    })
}

/// Returns the language that the client prefers: the one that was chosen on a page, or else the browser's. `None` if there
/// are no texts in it.
pub fn locale(headers: &HeaderMap) -> Option<Locale> {
    let chosen = cookies::single(headers, cookies::LANGUAGE_COOKIE).and_then(Locale::from_tag);
    let field = || headers.get(ACCEPT_LANGUAGE)?.to_str().ok();
    chosen.or_else(|| field().and_then(Locale::negotiate))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H-04: a client that accepts no available media type.
    #[test]
    fn a_client_that_accepts_no_available_media_type_is_rejected() {
        for (accept, expected) in [
            (&[][..], true),
            (&[""], true),
            (&["*/*"], true),
            (&["application/json"], true),
            (&["Application/JSON; charset=utf-8"], true),
            (&["image/png, text/html;q=0.1"], true),
            (&["image/png", "*/*;q=0.1"], true),
            (&["application/json;q=0"], false),
            (&["image/png"], false),
            (&["application/xml, image/*"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in accept {
                headers.append(ACCEPT, value.parse().unwrap());
            }
            assert_eq!(is_acceptable(&headers), expected, "{accept:?}");
        }
    }

    #[test]
    fn browsers_get_pages_and_programs_do_not() {
        for (accept, expected) in [
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                true,
            ),
            ("*/*", false),
            ("", false),
            ("application/json", false),
            ("application/json, text/html", false),
            ("text/html, application/json", true),
            ("application/json;q=0.9, text/html", true),
            ("text/html;q=0", false),
            ("text/html;Q=0", false),
            ("text/html;q=0.5, application/json;q=0.9", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(wants_html(&headers), expected, "{accept}");
        }
    }
}
