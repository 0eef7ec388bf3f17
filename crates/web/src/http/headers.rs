//! Headers that every response has.

use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::app::App;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const API_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// The operator's logo may be an SVG with a script. Opened by itself, it runs none.
const IMAGE_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox");
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");
/// With `no-referrer`, browsers send `Origin: null` with a form, which the cross-site check rejects.
/// This sends no path, so that no link token leaves a page.
const PAGE_REFERRER: HeaderValue = HeaderValue::from_static("strict-origin");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// Browser features that pages do not use (W-06).
const PERMISSIONS_POLICY: &str = "accelerometer=(), autoplay=(), camera=(), clipboard-read=(), display-capture=(), encrypted-media=(), fullscreen=(), gamepad=(), geolocation=(), gyroscope=(), hid=(), idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), screen-wake-lock=(), serial=(), storage-access=(), usb=(), window-management=(), xr-spatial-tracking=()";

/// Headers of every response.
static DEFAULT_HEADERS: [(HeaderName, HeaderValue); 6] = [
    default_header("x-content-type-options", "nosniff"),
    default_header("referrer-policy", "no-referrer"),
    default_header("x-frame-options", "DENY"),
    default_header("cross-origin-resource-policy", "same-origin"),
    default_header("cross-origin-opener-policy", "same-origin"),
    default_header("permissions-policy", PERMISSIONS_POLICY),
];

const fn default_header(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
    (
        HeaderName::from_static(name),
        HeaderValue::from_static(value),
    )
}

/// Sets the headers of every response, on every listener (H-06, H-11). The page of a mail in the inbox has set its own.
pub fn set_default_headers(headers: &mut HeaderMap) {
    headers.reserve(DEFAULT_HEADERS.len() + 4);
    for (name, value) in &DEFAULT_HEADERS {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    let policy = headers.entry(header::CONTENT_SECURITY_POLICY);
    policy.or_insert(API_POLICY);
    let cache = headers.entry(header::CACHE_CONTROL);
    cache.or_insert(NO_STORE);
}

/// Sets all headers of a response of the service (H-11, W-01, W-06).
pub(crate) fn set_response_headers(app: &App, id: &str, headers: &mut HeaderMap) {
    let kind = headers.get(header::CONTENT_TYPE);
    let begins_with = |start: &[u8]| kind.is_some_and(|kind| kind.as_bytes().starts_with(start));
    let (is_page, is_image) = (begins_with(b"text/html"), begins_with(b"image/"));
    if is_page {
        let policy = headers.entry(header::CONTENT_SECURITY_POLICY);
        policy.or_insert_with(|| app.page_policy.clone());
        headers.insert(header::REFERRER_POLICY, PAGE_REFERRER);
    }
    if is_image {
        headers.insert(header::CONTENT_SECURITY_POLICY, IMAGE_POLICY);
    }
    set_default_headers(headers);
    if app.has_hsts {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, value);
    }
}
