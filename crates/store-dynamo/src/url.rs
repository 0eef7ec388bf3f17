//! The URL: `dynamodb://REGION/TABLE`, and `?endpoint=http://127.0.0.1:4566` for an emulator on this machine.

use std::str::FromStr;

use url::{Host, Url};

const SHAPE: &str = "must be dynamodb://REGION/TABLE, such as dynamodb://eu-central-1/doorward";
const CREDENTIALS: &str = "must not contain credentials: they come from the environment, a profile, or the role of the machine";
const ENDPOINT: &str = "the endpoint of an emulator must be http:// on this machine, such as ?endpoint=http://127.0.0.1:4566";

/// How to open the table.
#[derive(Debug, Clone)]
pub struct DynamoSettings {
    /// The table.
    pub url: DynamoUrl,
    /// Create what is missing.
    pub migrate: bool,
}

/// A table in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DynamoUrl {
    pub(crate) region: String,
    pub(crate) table: String,
    /// An emulator instead of AWS.
    pub(crate) endpoint: Option<String>,
}

impl FromStr for DynamoUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text.trim()).map_err(|_| SHAPE)?;
        if url.scheme() != "dynamodb" || url.port().is_some() || url.fragment().is_some() {
            return Err(SHAPE.into());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(CREDENTIALS.into());
        }
        let region = url.host_str().unwrap_or_default();
        let table = url.path().strip_prefix('/').unwrap_or_default();
        if !is_name(region, 1) || !is_name(table, 3) {
            return Err(SHAPE.into());
        }
        let mut endpoint = None;
        for (name, value) in url.query_pairs() {
            match &*name {
                "endpoint" => endpoint = Some(local(&value)?),
                _ => {
                    return Err(format!(
                        "has an unknown parameter `{}`",
                        name.escape_debug()
                    ));
                }
            }
        }
        Ok(Self {
            region: region.to_owned(),
            table: table.to_owned(),
            endpoint,
        })
    }
}

/// Names of tables have 3 to 255 of these characters.
fn is_name(text: &str, least: usize) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (least..=255).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Requests to an emulator are not encrypted, so they must not leave this machine.
fn local(endpoint: &str) -> Result<String, String> {
    let url = Url::parse(endpoint).map_err(|_| ENDPOINT)?;
    let is_local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() == "http" && is_local && url.path() == "/" {
        true => Ok(endpoint.trim_end_matches('/').to_owned()),
        false => Err(ENDPOINT.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_region_and_a_table() {
        let url: DynamoUrl = "dynamodb://eu-central-1/doorward".parse().unwrap();
        assert_eq!((&*url.region, &*url.table), ("eu-central-1", "doorward"));
        assert_eq!(url.endpoint, None);
        let url = "dynamodb://local/accounts?endpoint=http://127.0.0.1:4566/";
        let url: DynamoUrl = url.parse().unwrap();
        assert_eq!(url.endpoint.as_deref(), Some("http://127.0.0.1:4566"));
    }

    #[test]
    fn a_url_contains_no_credentials_and_no_endpoint_elsewhere() {
        for (url, error) in [
            ("dynamodb://eu-central-1", SHAPE),
            ("dynamodb://eu-central-1/a/b", SHAPE),
            ("postgres://eu-central-1/doorward", SHAPE),
            ("dynamodb://key:secret@eu-central-1/doorward", CREDENTIALS),
            (
                "dynamodb://x/doorward?endpoint=http://db.example.com",
                ENDPOINT,
            ),
            ("dynamodb://x/doorward?endpoint=https://127.0.0.1", ENDPOINT),
            (
                "dynamodb://x/doorward?region=y",
                "has an unknown parameter `region`",
            ),
        ] {
            assert_eq!(url.parse::<DynamoUrl>(), Err(error.to_owned()), "{url}");
        }
    }
}
