//! The listen address, and whether the public URL leads to this Doorward.

use std::io::ErrorKind;

use doorward_domain::diagnostics::Diagnostic;
use hyper::Response;
use hyper::body::Bytes;
use serde_json::Value;
use tokio::net::TcpListener;

use super::super::healthcheck::get_local;
use crate::config::{Config, host_of};
use crate::fetch::HttpsClient;

const LISTEN: &str = "listen address";
const PUBLIC: &str = "public URL";
const TLS: &str = "public URL: TLS";
/// The public keys: they identify a Doorward.
const JWKS: &str = "/.well-known/jwks.json";

/// Checks that the address is free, or that a Doorward listens there.
pub(super) async fn listening(config: &Config) -> Diagnostic {
    let listen = config.listen;
    let Err(error) = TcpListener::bind(listen).await else {
        return Diagnostic::passed(LISTEN, format!("{listen} is free; no server runs there"));
    };
    match error.kind() {
        ErrorKind::AddrInUse => match get_local(config, JWKS).await {
            Ok(response) if key_ids(&response).is_some() => {
                Diagnostic::passed(LISTEN, format!("a Doorward runs at {listen}"))
            }
            _ => Diagnostic::failed(
                LISTEN,
                format!("another program listens at {listen}"),
                format!(
                    "Stop it (`ss -ltnp 'sport = :{}'` shows it), or set `listen` (DOORWARD_LISTEN)",
                    listen.port()
                ),
            ),
        },
        ErrorKind::PermissionDenied => Diagnostic::failed(
            LISTEN,
            format!("this user may not listen at {listen}: {error}"),
            "Use a port from 1024, with a reverse proxy in front",
        ),
        _ => Diagnostic::failed(
            LISTEN,
            format!("cannot listen at {listen}: {error}"),
            "Set `listen` to an address of this machine, or to 0.0.0.0 for all of them",
        ),
    }
}

/// The ids of the keys in a JWKS of Doorward, `None` if it is something else.
fn key_ids(response: &Response<Bytes>) -> Option<Vec<String>> {
    let value: Value = serde_json::from_slice(response.body()).ok()?;
    let keys = value["keys"]
        .as_array()
        .filter(|_| response.status() == 200)?;
    let id = |key: &Value| {
        let kid = key["kid"].as_str().filter(|_| key["crv"] == "Ed25519")?;
        Some(kid.to_owned())
    };
    keys.iter().map(id).collect()
}

/// Checks that the public URL leads to this Doorward. One that this machine cannot reach is only a warning, since
/// other machines may reach it.
pub(super) async fn public_url(config: &Config, keys: Option<&[String]>) -> Vec<Diagnostic> {
    let Some(url) = &config.public_url else {
        let url = config.public_url(config.listen);
        return vec![Diagnostic::passed(
            PUBLIC,
            format!("{url}, from this machine only; `public_url` is not set"),
        )];
    };
    let is_tls = url.starts_with("https://");
    let client = match is_tls {
        true => HttpsClient::new(),
        false => HttpsClient::for_this_machine(),
    };
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            let hint = "Install the package ca-certificates, or set SSL_CERT_FILE";
            let message = format!("cannot verify certificates: {error:#}");
            return vec![Diagnostic::warning(TLS, message, hint)];
        }
    };
    let response = client.get(&format!("{url}{JWKS}")).await;
    let mut diagnostics = Vec::new();
    if client.saw_expiring_certificate() {
        diagnostics.push(Diagnostic::warning(
            TLS,
            format!(
                "the certificate of {} expires within two weeks",
                host_of(url)
            ),
            "Check the renewal job",
        ));
    }
    diagnostics.push(match response {
        Ok(response) => diagnose_response(url, &response, keys),
        Err(error) => unreachable(url, is_tls, &error),
    });
    diagnostics
}

fn diagnose_response(url: &str, response: &Response<Bytes>, keys: Option<&[String]>) -> Diagnostic {
    let proxy = "Find the program that responds at that name, and make it forward to Doorward";
    let status = response.status().as_u16();
    if (502..=504).contains(&status) {
        let message = format!("{url} returns {status}: no Doorward behind it");
        let hint = "Start Doorward, and check where the proxy in front forwards requests";
        return Diagnostic::warning(PUBLIC, message, hint);
    }
    if response.status().is_redirection() {
        let message = format!("{url} redirects (status {status})");
        let hint = "Set `public_url` to the address that users end up at";
        return Diagnostic::failed(PUBLIC, message, hint);
    }
    match (key_ids(response), keys) {
        (None, _) => Diagnostic::failed(
            PUBLIC,
            format!("the server at {url} is not a Doorward (status {status})"),
            proxy,
        ),
        (Some(served), Some(ours)) if !served.iter().any(|id| ours.contains(id)) => {
            Diagnostic::failed(
                PUBLIC,
                format!("another Doorward responds at {url}: its keys are not in this database"),
                proxy,
            )
        }
        (Some(_), Some(_)) => Diagnostic::passed(PUBLIC, format!("{url} leads to this Doorward")),
        (Some(_), None) => Diagnostic::passed(PUBLIC, format!("a Doorward responds at {url}")),
    }
}

/// Explains a request that failed, by the client's error.
fn unreachable(url: &str, is_tls: bool, error: &anyhow::Error) -> Diagnostic {
    let (chain, host) = (format!("{error:#}"), host_of(url));
    let cause = error.root_cause();
    if chain.contains("dns error") {
        let hint = "Create its DNS record, or correct `public_url`: links in mails lead there";
        return Diagnostic::warning(PUBLIC, format!("{host} does not resolve here"), hint);
    }
    if chain.contains("tcp connect error") {
        let hint = "Check that the server and the proxy in front run. Other machines may reach it";
        return Diagnostic::warning(PUBLIC, format!("cannot connect to {url}: {cause}"), hint);
    }
    if is_tls && chain.contains("(Connect)") {
        return certificate(host, &cause.to_string());
    }
    let hint = "Check the scheme and the port in `public_url`";
    Diagnostic::warning(
        PUBLIC,
        format!("no valid response from {url}: {chain}"),
        hint,
    )
}

/// Explains a failed TLS handshake. A certificate authority that this machine does not know is only a warning.
fn certificate(host: &str, error: &str) -> Diagnostic {
    let message = format!("{host}: {error}");
    if error.contains("UnknownIssuer") || error.contains("BadSignature") {
        let hint =
            "Serve the whole chain of certificates; name a private authority in SSL_CERT_FILE";
        return Diagnostic::warning(TLS, message, hint);
    }
    if error.contains("certificate") {
        return Diagnostic::failed(TLS, message, "Get a certificate for this name");
    }
    let hint = "Check that this port uses TLS; without TLS, `public_url` begins with http";
    Diagnostic::warning(TLS, message, hint)
}
