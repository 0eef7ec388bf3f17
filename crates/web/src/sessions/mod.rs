//! Sessions: list, end, renewal, tokens for other services, and the check for reverse proxies.

pub(crate) mod audience_token;
pub(crate) mod check;
pub(crate) mod current;
pub(crate) mod end;
pub(crate) mod list;
pub(crate) mod pages;
pub(crate) mod renewal;
