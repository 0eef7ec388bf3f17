//! Parameters that several endpoints have, as the OpenAPI document describes them.
#![expect(
    dead_code,
    reason = "the attributes of the handlers name these types; no code creates one"
)]

use utoipa::IntoParams;

/// A user in the path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct UserParam {
    /// `me`, a username or a user id
    user: String,
}

/// The token of a mailed link in the path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct TokenParam {
    /// The token of the link
    token: String,
}

/// The condition of a write; see [`IfMatch`](crate::http::etag::IfMatch).
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct IfMatchParam {
    /// The `ETag` of the version that you read
    #[param(rename = "If-Match", nullable = false)]
    if_match: Option<String>,
}

/// The page of a list; see [`Query`](crate::http::paging::Query).
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// 1 to 200, default 50
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next` of the previous page
    #[param(pattern = "^[A-Za-z0-9_-]{21}[AQgw]$")]
    cursor: Option<String>,
}

/// The filters of the audit log; see `AuditQuery`.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditParams {
    /// Events of this user: `me`, a username, an address or a user id. An address that no user has confirmed selects the newest user who has it
    user: Option<String>,
    /// Events that this user has caused, who is named in the same way
    actor: Option<String>,
    /// Events of this kind, such as `sign-in`
    event: Option<String>,
    /// Only `success` or only `failure`
    #[param(pattern = "^(success|failure)$")]
    outcome: Option<String>,
    /// Events of clients with this IP address, or in this network, such as `203.0.113.0/24`
    #[param(max_length = 64, pattern = "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$")]
    address: Option<String>,
    /// Events at or after this time (RFC 3339)
    #[param(format = DateTime)]
    since: Option<String>,
    /// Events before this time (RFC 3339), which is after `since`
    #[param(format = DateTime)]
    until: Option<String>,
    /// `false`: without what admins only viewed, such as `user-viewed`
    views: Option<bool>,
}
