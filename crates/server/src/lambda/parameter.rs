//! Reads a parameter of AWS Systems Manager.
//!
//! It is one request at the start of a process, so it is signed here: the crate with all operations is larger than that of
//! DynamoDB (`docs/decisions/0047-lambda.md`).

use anyhow::{Context, bail, ensure};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use doorward_domain::clock::Clock;
use hyper::Request;
use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::config::{LambdaEnvironment, is_loopback_url};
use crate::fetch::HttpsClient;
use crate::system::SystemClock;

const TARGET: &str = "AmazonSSM.GetParameter";
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// Returns the decrypted value. An error does not contain it.
pub(super) async fn read(environment: &LambdaEnvironment, name: &str) -> anyhow::Result<String> {
    let client = HttpsClient::new()?;
    let response = client.send(request(environment, name)?).await?;
    let status = response.status();
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    if !status.is_success() {
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        bail!(
            "{status} {} {}{}. The role of the function needs ssm:GetParameter on it",
            text("__type"),
            text("message"),
            text("Message")
        );
    }
    let value = body["Parameter"]["Value"].as_str();
    Ok(value.context("the response has no value")?.to_owned())
}

fn request(environment: &LambdaEnvironment, name: &str) -> anyhow::Result<Request<Bytes>> {
    let region = &environment.region;
    let url = match &environment.endpoint {
        Some(url) => format!("{}/", url.trim_end_matches('/')),
        None => format!("https://ssm.{region}.amazonaws.com/"),
    };
    ensure!(
        url.starts_with("https://") || is_loopback_url(&url),
        "the endpoint {url} has no TLS"
    );
    let body = json!({"Name": name, "WithDecryption": true}).to_string();
    let credentials = environment.credentials.each_ref();
    let [key, secret, token] = credentials.map(|credential| credential.expose().clone());
    let token = Some(token).filter(|token| !token.is_empty());
    let identity = Credentials::new(key, secret, token, None, "environment").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("ssm")
        .time(SystemClock::default().now().into())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let fields = [("content-type", CONTENT_TYPE), ("x-amz-target", TARGET)];
    let signable = SignableRequest::new(
        "POST",
        &*url,
        fields.into_iter(),
        SignableBody::Bytes(body.as_bytes()),
    )?;
    let (signature, _) = sign(signable, &parameters)?.into_parts();
    let mut request = Request::post(&url);
    for (name, value) in fields {
        request = request.header(name, value);
    }
    let mut request = request.body(Bytes::from(body))?;
    signature.apply_to_request_http1x(&mut request);
    Ok(request)
}

#[cfg(test)]
mod tests {
    use doorward_domain::values::Secret;

    use super::*;

    fn environment(endpoint: Option<&str>) -> LambdaEnvironment {
        LambdaEnvironment {
            handler: "api".to_owned(),
            secrets_parameter: None,
            region: "eu-central-1".to_owned(),
            credentials: ["AKID", "the secret", "the token"]
                .map(|text| Secret::new(text.to_owned())),
            endpoint: endpoint.map(str::to_owned),
        }
    }

    #[test]
    fn the_request_is_signed_for_the_parameter_store_of_the_region() {
        let request = request(&environment(None), "/doorward/env").unwrap();
        assert_eq!(request.uri(), "https://ssm.eu-central-1.amazonaws.com/");
        let field = |name: &str| request.headers()[name].to_str().unwrap();
        let signed = field("authorization");
        assert!(
            signed.starts_with("AWS4-HMAC-SHA256 Credential=AKID/"),
            "{signed}"
        );
        assert!(
            signed.contains("/eu-central-1/ssm/aws4_request"),
            "{signed}"
        );
        for name in [
            "content-type",
            "host",
            "x-amz-target",
            "x-amz-security-token",
        ] {
            assert!(signed.contains(name), "{name} is not in {signed}");
        }
        assert!(!format!("{:?}", request.headers()).contains("the token"));
    }

    #[test]
    fn an_endpoint_elsewhere_has_tls() {
        assert!(request(&environment(Some("http://127.0.0.1:4566")), "x").is_ok());
        assert!(request(&environment(Some("http://ssm.example.com")), "x").is_err());
    }
}
