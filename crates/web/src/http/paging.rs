//! Lists (`limit`, `cursor`, the link to the next page) and query parameters.

use std::ops::RangeInclusive;
use std::str::FromStr;

use axum::http::header::LINK;
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::FieldError;
use doorward_domain::values::Invalid;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::http::body::parse_query;
use crate::http::json::Json;
use crate::http::problem::{Code, Problem};

/// Maximum number of items in a page.
const MAX_LIMIT: usize = 200;
const DEFAULT_LIMIT: usize = 50;

/// Code of the error at the end of a range that is not after its beginning.
pub(crate) const EMPTY_RANGE: &str = "empty-range";

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// Items of the page.
    items: Vec<T>,
    /// Pass it as `cursor` for the next page; null on the last one.
    #[schema(required = true)]
    next: Option<String>,
}

/// The query parameters of a request, taken out one by one.
pub(crate) struct Query {
    fields: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Query {
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, Problem> {
        Ok(Self {
            fields: parse_query(query)?,
            errors: Vec::new(),
        })
    }

    /// The parameters without white space around them, for forms: a pasted value often has some.
    pub(crate) fn trimmed(mut self) -> Self {
        for value in self.fields.values_mut() {
            if let Value::String(text) = value {
                *text = text.trim().to_owned();
            }
        }
        self
    }

    /// The text of a parameter, which stays.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str)
    }

    /// Takes a parameter; an empty one counts as absent.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        if self.text(name) == Some("") {
            self.fields.remove(name);
        }
        self.filled(name, parse)
    }

    /// Takes a parameter that can be empty.
    pub(crate) fn filled<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        let value = self.fields.remove(name)?;
        parse(value.as_str()?)
            .map_err(|invalid| self.errors.push(FieldError::new(name, invalid)))
            .ok()
    }

    /// Takes the beginning and the end of a range of times, each with its parser. The end is not in the range, and must be
    /// after the beginning.
    pub(crate) fn range(
        &mut self,
        [since, until]: [&str; 2],
        [parse_since, parse_until]: [TimeParser; 2],
    ) -> [Option<Timestamp>; 2] {
        let range = [
            self.optional(since, parse_since),
            self.optional(until, parse_until),
        ];
        if let [Some(start), Some(end)] = range
            && start >= end
        {
            let invalid = Invalid::new(EMPTY_RANGE, format!("Must be after `{since}`."));
            self.errors.push(FieldError::new(until, invalid));
        }
        range
    }

    /// Takes a parameter that says no more than that it is there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        self.fields.remove(name).is_some()
    }

    pub(crate) fn limit(&mut self) -> usize {
        let parse = |text: &str| {
            whole_number(text, 1..=MAX_LIMIT).ok_or_else(|| {
                Invalid::new(
                    "out-of-range",
                    format!("`limit` must be a number from 1 to {MAX_LIMIT}."),
                )
            })
        };
        self.optional("limit", parse).unwrap_or(DEFAULT_LIMIT)
    }

    /// The position after the previous page. A forged cursor can select no more than a position in the list (Z-07).
    pub(crate) fn cursor<C>(
        &mut self,
        parse: impl FnOnce(&str) -> Option<C>,
    ) -> Result<Option<C>, Problem> {
        let Some(Value::String(text)) = self.fields.remove("cursor") else {
            return Ok(None);
        };
        match parse(&text) {
            Some(cursor) => Ok(Some(cursor)),
            None => Err(Problem::with_detail(
                Code::MalformedRequest,
                "`cursor` is invalid. Use `next` of the previous page.",
            )),
        }
    }

    /// The id of the last item of the previous page.
    pub(crate) fn id_cursor<I>(
        &mut self,
        from_bytes: fn([u8; 16]) -> I,
    ) -> Result<Option<I>, Problem> {
        self.cursor(|text| {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            Some(from_bytes(bytes.try_into().ok()?))
        })
    }

    /// Rejects invalid and unknown parameters.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        for name in self.fields.keys().take(16) {
            let shown: String = name.chars().take(64).collect();
            self.errors.push(FieldError::new(
                shown,
                Invalid::new("unknown", "Unknown query parameter."),
            ));
        }
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(self.errors))
        }
    }
}

/// Parses a time of a query.
pub(crate) type TimeParser = fn(&str) -> Result<Timestamp, Invalid>;

/// Parses a time in RFC 3339.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, Invalid> {
    let parsed = text.parse();
    parsed.map_err(|_| {
        Invalid::new(
            "invalid",
            "Must be a time in RFC 3339, such as 2026-11-21T08:00:00Z.",
        )
    })
}

/// Parses a whole number of digits; `str::parse` would also accept a `+`.
pub(crate) fn whole_number<N>(text: &str, range: RangeInclusive<N>) -> Option<N>
where
    N: FromStr + PartialOrd,
{
    let number = text.parse().ok().filter(|_| !text.starts_with('+'));
    number.filter(|number| range.contains(number))
}

/// Responds with a page of at most `limit` items. `found` has one more if there is a next page; `uri` is that of
/// the request, for the link.
pub(crate) fn respond<M, V: Serialize>(
    mut found: Vec<M>,
    limit: usize,
    id: impl Fn(&M) -> [u8; 16],
    view: impl Fn(&M) -> V,
    uri: &Uri,
) -> Response {
    let next = take_page(&mut found, limit, id);
    respond_page(found.iter().map(view).collect(), next, uri)
}

/// Cuts a list of up to `limit + 1` items to a page, and returns the cursor of the next one.
pub(crate) fn take_page<M>(
    found: &mut Vec<M>,
    limit: usize,
    id: impl Fn(&M) -> [u8; 16],
) -> Option<String> {
    let has_more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| has_more);
    last.map(|last| cursor_text(&id(last)))
}

/// The cursor of the page after the item with this id.
pub(crate) fn cursor_text(id: &[u8; 16]) -> String {
    URL_SAFE_NO_PAD.encode(id)
}

/// Responds with a page. `next` is the position after it, if there may be more.
pub(crate) fn respond_page<V: Serialize>(
    items: Vec<V>,
    next: Option<String>,
    uri: &Uri,
) -> Response {
    let list = List {
        items,
        next: next.clone(),
    };
    let mut response = Json(list).into_response();
    if let Some(value) = next.and_then(|cursor| next_link(uri, &cursor)) {
        response.headers_mut().insert(LINK, value);
    }
    response
}

fn next_link(uri: &Uri, cursor: &str) -> Option<HeaderValue> {
    let retained = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let query: Vec<_> = retained
        .map(str::to_owned)
        .chain([format!("cursor={cursor}")])
        .collect();
    HeaderValue::from_str(&format!(
        "<{}?{}>; rel=\"next\"",
        uri.path(),
        query.join("&")
    ))
    .ok()
}
