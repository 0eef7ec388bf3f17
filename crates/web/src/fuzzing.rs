//! Fuzz targets of the parsers of requests: one function per target, which checks properties that hold for any
//! input. Compiled only for the fuzzer and for tests (`fuzz/src/lib.rs` describes how to add one).
//!
//! If another implementation of the same parser exists, both results are compared.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use url::form_urlencoded;

use crate::http::body::{parse_form, parse_query};
use crate::http::cookies::SESSION_COOKIE;
use crate::http::credentials::{PresentedCredential, credential};
use crate::http::etag;
use crate::http::paging::Query;
use crate::http::trusted_proxies::TrustedProxies;
use crate::http::{json, negotiate};

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

/// Name and function of a target.
pub type FuzzTarget = (&'static str, fn(&[u8]));

/// All targets. A target's program and the folder of its seeds have its name.
pub const TARGETS: &[FuzzTarget] = &[
    ("credentials", credentials),
    ("entity_tags", entity_tags),
    ("forms", forms),
    ("forwarded", forwarded),
    ("json_bodies", json_bodies),
    ("negotiation", negotiation),
    ("queries", queries),
];

/// Parses header fields, one per line.
fn head_of(data: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(64) {
        let at = line.iter().position(|byte| *byte == b':');
        let Some((name, value)) = at.map(|at| line.split_at(at)) else {
            continue;
        };
        let name = HeaderName::from_bytes(name.trim_ascii());
        let value = HeaderValue::from_bytes(value[1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

/// A single credential is returned unchanged; two are an error.
pub fn credentials(data: &[u8]) {
    let headers = head_of(data);
    let bearers = headers.get_all("authorization").iter().count();
    let cookies: Vec<&[u8]> = headers
        .get_all("cookie")
        .iter()
        .flat_map(|field| field.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| pair.trim_ascii().strip_prefix(SESSION_COOKIE.as_bytes()))
        .filter_map(|rest| rest.strip_prefix(b"="))
        .collect();
    let Ok(found) = credential(&headers) else {
        assert!(
            bearers > 0 || cookies.len() > 1,
            "a valid credential was rejected"
        );
        return;
    };
    assert!(
        bearers <= 1 && cookies.len() <= 1,
        "two credentials were accepted"
    );
    match found {
        Some(PresentedCredential::Bearer(token)) => {
            let field = headers["authorization"]
                .to_str()
                .expect("a bearer token is ASCII");
            assert!(
                field[..7.min(field.len())]
                    .trim()
                    .eq_ignore_ascii_case("bearer")
            );
            assert!(field.ends_with(token.expose().as_str()) && cookies.is_empty());
        }
        Some(PresentedCredential::Cookie(token)) => {
            let value = token.expose().as_bytes();
            assert!(cookies == [value] || (value.is_empty() && !cookies[0].is_ascii()));
        }
        None => assert!(cookies.is_empty()),
    }
}

/// H-04: serde accepts every accepted value with the same result, except a number that does not fit. A value that only
/// serde accepts repeats a name, is too deep, or is such a number alone or in a list.
pub fn json_bodies(data: &[u8]) {
    let strict = json::parse(data);
    let lenient = serde_json::from_slice::<Value>(data);
    match (strict, lenient) {
        (Ok(strict), _) if !strict.out_of_range.is_empty() => assert!(strict.value.is_object()),
        (Ok(strict), Ok(lenient)) => {
            assert_eq!(strict.value, lenient);
            let written = strict.value.to_string();
            let again = json::parse(written.as_bytes()).ok();
            let again = again.map(|again| again.value);
            assert_eq!(again.as_ref(), Some(&strict.value), "{written}");
        }
        (Ok(_), Err(error)) => panic!("invalid JSON was accepted: {error}"),
        (Err(_), Ok(lenient)) => {
            let brackets = data.iter().filter(|byte| b"[{".contains(byte)).count();
            let names = data.iter().filter(|byte| **byte == b':').count();
            let is_repeated = names > count_of_names(&lenient);
            assert!(brackets > 32 || is_repeated || !lenient.is_object());
        }
        (Err(_), Err(_)) => {}
    }
}

fn count_of_names(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(count_of_names).sum(),
        Value::Object(map) => map.values().map(|value| 1 + count_of_names(value)).sum(),
        _ => 0,
    }
}

/// An accepted form has the pairs that the URL Standard's parser returns, each name once.
pub fn forms(data: &[u8]) {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(data).into_owned().collect();
    match parse_form(data) {
        Ok(fields) => {
            assert_eq!(fields.len(), pairs.len(), "a repeated name was accepted");
            for (name, value) in pairs {
                assert_eq!(fields.get(&name), Some(&Value::String(value)));
            }
        }
        Err(_) => {
            let names: BTreeMap<&str, ()> =
                pairs.iter().map(|(name, _)| (name.as_str(), ())).collect();
            let is_replaced = pairs
                .iter()
                .any(|(name, value)| name.contains('\u{fffd}') || value.contains('\u{fffd}'));
            assert!(is_replaced || names.len() < pairs.len());
        }
    }
}

/// only a trusted proxy sets the client's address, and addresses before it are ignored.
pub fn forwarded(data: &[u8]) {
    let trusted: TrustedProxies = "10.0.0.0/8, fd00::/8, 127.0.0.1".parse().expect("networks");
    let headers = head_of(data);
    let client: IpAddr = [192, 0, 2, 1].into();
    let proxy: IpAddr = [10, 0, 0, 1].into();
    assert_eq!(trusted.client(client, &headers), Some(client));
    let no_proxies = TrustedProxies::default();
    assert_eq!(no_proxies.client(proxy, &headers), Some(proxy));
    let found = trusted.client(proxy, &headers);
    if let Some(client) = found {
        assert!(!trusted.contains(client) && client.to_canonical() == client);
        // A field that the client wrote itself comes first.
        for (field, forged) in [
            ("x-forwarded-for", "198.51.100.9"),
            ("forwarded", "for=198.51.100.9"),
        ] {
            let mut more = HeaderMap::new();
            let own: Vec<_> = headers.get_all(field).iter().collect();
            if own.is_empty() {
                continue;
            }
            more.append(field, HeaderValue::from_static(forged));
            for (name, value) in &headers {
                more.append(name, value.clone());
            }
            assert_eq!(trusted.client(proxy, &more), Some(client), "{field}");
        }
    }
    let text = String::from_utf8_lossy(data);
    if let Ok(read) = text.parse::<TrustedProxies>() {
        let shown = read.to_string();
        assert_eq!(shown.parse(), Ok(read), "{shown}");
    }
}

/// A client gets a page only if it names `text/html`.
pub fn negotiation(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else {
        return;
    };
    let named = |name: &str| {
        let text = String::from_utf8_lossy(data).to_ascii_lowercase();
        text.split([',', ';']).any(|part| part.trim() == name)
    };
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, value.clone());
    headers.insert(ACCEPT_LANGUAGE, value);
    if negotiate::wants_html(&headers) {
        assert!(named("text/html"));
    }
    let _: Option<doorward_domain::values::Locale> = negotiate::locale(&headers);
}

/// A limit is in its range, and an accepted cursor is the text that a list returns.
pub fn queries(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(mut query) = Query::parse(Some(&text)) else {
        return;
    };
    let fields = parse_query(Some(&text)).expect("the query is valid");
    assert!((1..=200).contains(&query.limit()));
    let shown = fields.get("cursor").and_then(Value::as_str);
    if let Ok(Some(cursor)) = query.id_cursor(|bytes| bytes) {
        assert_eq!(shown, Some(URL_SAFE_NO_PAD.encode(cursor).as_str()));
    }
    let known = ["limit", "cursor"];
    let is_known = |name: &String| known.contains(&name.as_str());
    if query.finish().is_ok() {
        assert!(fields.keys().all(is_known), "{text}");
    }
}

/// An accepted tag is the only spelling of its version.
pub fn entity_tags(data: &[u8]) {
    let Ok(field) = HeaderValue::from_bytes(data) else {
        return;
    };
    if let Some(version) = etag::parse(&field) {
        assert_eq!(etag::tag(version), field);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H-04: runs each target with its seeds, on every machine.
    #[test]
    fn every_seed_has_the_expected_properties() {
        replay::seeds_of(TARGETS);
    }
}
