//! Lost updates: an `ETag` on what is read, `If-Match` on what is written (RFC 9110, 13.1.1).

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;
use doorward_domain::model::Version;

use crate::problem::Problem;

/// The version an `If-Match` asks for; none where there is no such field or it is `*`.
pub(crate) struct IfMatch(pub(crate) Option<Version>);

/// A version no user has: a tag that is none of ours fits nothing.
const NEVER: Version = Version(-1);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut fields = parts.headers.get_all(IF_MATCH).iter();
        let version = match (fields.next(), fields.next()) {
            (None, _) => None,
            (Some(field), None) if field == "*" => None,
            (Some(field), None) => Some(parse(field).unwrap_or(NEVER)),
            (Some(_), Some(_)) => Some(NEVER),
        };
        Ok(Self(version))
    }
}

/// Reads one strong tag of ours.
pub(crate) fn parse(field: &HeaderValue) -> Option<Version> {
    let digits = field.to_str().ok()?.strip_prefix('"')?.strip_suffix('"')?;
    let number = digits.parse().ok()?;
    (tag_text(Version(number)) == field.to_str().ok()?).then_some(Version(number))
}

/// The tag of a version.
pub(crate) fn tag(version: Version) -> HeaderValue {
    HeaderValue::from_str(&tag_text(version)).unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

fn tag_text(version: Version) -> String {
    format!("\"{}\"", version.0)
}
