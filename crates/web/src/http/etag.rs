//! Prevents lost updates: `ETag` in responses, `If-Match` and `If-None-Match` in writes (RFC 9110, 13.1.1 and
//! 13.1.2). `If-None-Match: *` always fails, since only existing resources are written.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Path};
use axum::http::HeaderName;
use axum::http::header::{HeaderMap, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use doorward_domain::model::Version;

use crate::app::{App, IfMatchRule};
use crate::http::caller::Caller;
use crate::http::problem::{Code, Problem};

/// The version that `If-Match` requires (H-07); `None` if the field is absent or `*`.
pub(crate) struct IfMatch(pub(crate) Option<Version>);

/// A version that no user has, for a condition that cannot be met.
const NO_VERSION: Version = Version(-1);

impl FromRequestParts<App> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let is_rejected =
            match TagCondition::parse(&parts.headers, &IF_NONE_MATCH, TagComparison::Weak) {
                TagCondition::Absent => false,
                TagCondition::Any => true,
                TagCondition::OneOf(tags) => pick_current(&tags, parts, app).await != NO_VERSION,
            };
        if is_rejected {
            return Ok(Self(Some(NO_VERSION)));
        }
        let version = match TagCondition::parse(&parts.headers, &IF_MATCH, TagComparison::Strong) {
            TagCondition::Absent if app.options.if_match == IfMatchRule::Required => {
                return Err(Problem::new(Code::PreconditionRequired));
            }
            TagCondition::Absent | TagCondition::Any => None,
            TagCondition::OneOf(tags) => match tags.as_slice() {
                [] => Some(NO_VERSION),
                [version] => Some(*version),
                several => Some(pick_current(several, parts, app).await),
            },
        };
        Ok(Self(version))
    }
}

/// The value of `If-Match` or `If-None-Match`.
#[derive(Debug, PartialEq, Eq)]
enum TagCondition {
    Absent,
    Any,
    /// The listed tags that Doorward could have issued.
    OneOf(Vec<Version>),
}

/// How tags are compared (RFC 9110, 8.8.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TagComparison {
    /// Weak tags never match: for `If-Match` (13.1.1).
    Strong,
    /// A weak tag matches like a strong one: for `If-None-Match` (13.1.2).
    Weak,
}

impl TagCondition {
    fn parse(headers: &HeaderMap, name: &HeaderName, comparison: TagComparison) -> Self {
        let fields: Vec<_> = headers.get_all(name).iter().collect();
        match fields.as_slice() {
            [] => Self::Absent,
            [field] if *field == "*" => Self::Any,
            fields => {
                let texts = fields
                    .iter()
                    .flat_map(|field| field.as_bytes().split(|b| *b == b','));
                let tags = texts.filter_map(|tag| {
                    let tag = tag.trim_ascii();
                    let strong = match comparison {
                        TagComparison::Strong => tag,
                        TagComparison::Weak => tag.strip_prefix(b"W/").unwrap_or(tag),
                    };
                    parse(&HeaderValue::from_bytes(strong).ok()?)
                });
                Self::OneOf(tags.collect())
            }
        }
    }
}

/// Returns the version that the user has now if it is among `versions`, so that the write fails after a concurrent
/// change; else [`NO_VERSION`], also if the caller may not read the user. The handler then reports that and writes the
/// only audit event (L-01).
async fn pick_current(versions: &[Version], parts: &mut Parts, app: &App) -> Version {
    let caller = parts.extensions.get::<Caller>().cloned();
    let path = Path::<HashMap<String, String>>::from_request_parts(parts, app).await;
    let (Some(caller), Ok(Path(path))) = (caller, path) else {
        return NO_VERSION;
    };
    let Some(viewer) = caller.session() else {
        return NO_VERSION;
    };
    // The path of the password names no user: it is the caller's own.
    let target = path.get("user").map_or("me", String::as_str);
    let doorward = &app.doorward;
    let current = doorward
        .profile
        .current_version(&caller.ctx, viewer, target)
        .await;
    let current = current.ok().flatten();
    let is_current = |version: &&Version| Some(**version) == current;
    *versions.iter().find(is_current).unwrap_or(&NO_VERSION)
}

/// Parses a strong tag that Doorward could have issued.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// H-07 (RFC 9110, 13.1.1 and 8.8.3.2).
    #[test]
    fn if_match_matches_any_strong_tag_of_its_list() {
        let versions =
            |numbers: &[i64]| TagCondition::OneOf(numbers.iter().map(|n| Version(*n)).collect());
        for (fields, expected) in [
            (&[][..], TagCondition::Absent),
            (&["*"], TagCondition::Any),
            (&["\"3\""], versions(&[3])),
            (&["\"3\", \"4\""], versions(&[3, 4])),
            (&["\"3\"", "\"4\""], versions(&[3, 4])),
            (&["\"3\" ,W/\"4\",\"5\""], versions(&[3, 5])),
            (&["W/\"3\""], versions(&[])),
            (&["w/\"3\""], versions(&[])),
            (&["*, \"3\""], versions(&[3])),
            (&["*", "*"], versions(&[])),
            (&["\"x,3\""], versions(&[])),
            (&["3"], versions(&[])),
            (&["\"03\"", "\"+3\""], versions(&[])),
            (&[""], versions(&[])),
        ] {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(IF_MATCH, field.parse().unwrap());
            }
            let found = TagCondition::parse(&headers, &IF_MATCH, TagComparison::Strong);
            assert_eq!(found, expected, "{fields:?}");
        }
    }

    /// H-07 (RFC 9110, 13.1.2 and 8.8.3.2): `If-None-Match` compares weakly.
    #[test]
    fn if_none_match_compares_weakly() {
        for (field, versions) in [
            ("W/\"3\"", &[3][..]),
            ("\"3\", W/\"4\"", &[3, 4]),
            ("w/\"3\"", &[]),
            ("W/ \"3\"", &[]),
            ("W/W/\"3\"", &[]),
            ("W/3", &[]),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(IF_NONE_MATCH, field.parse().unwrap());
            let found = TagCondition::parse(&headers, &IF_NONE_MATCH, TagComparison::Weak);
            let versions = versions.iter().map(|number| Version(*number));
            assert_eq!(found, TagCondition::OneOf(versions.collect()), "{field}");
        }
    }
}
