//! Where Doorward listens, and whether what people reach at the public URL is this Doorward.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use doorward_domain::checkup::Finding;
use doorward_domain::ports::Clock;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::UnixTime;

use super::super::healthcheck::reachable;
use crate::config::{Config, host_of};
use crate::fetch::{self, Answer, PATIENCE, Tls};
use crate::listener::certificate::RENEWAL;
use crate::system::SystemClock;

const LISTEN: &str = "listen address";
const PUBLIC: &str = "public URL";
/// The public keys: nothing else answers with them, and they tell which Doorward it is.
const JWKS: &str = "/.well-known/jwks.json";

/// Whether the listener can have its address, or has it already.
pub(super) async fn listening(config: &Config) -> Finding {
    let listen = config.listen;
    let Err(error) = TcpListener::bind(listen).await else {
        return Finding::fine(LISTEN, format!("{listen} is free; no server runs there"));
    };
    match error.kind() {
        ErrorKind::AddrInUse => match fetch::get_here(config, reachable(listen), JWKS).await {
            Ok(answer) if key_names(&answer).is_some() => {
                Finding::fine(LISTEN, format!("a Doorward runs at {listen}"))
            }
            _ => Finding::fault(
                LISTEN,
                format!("another program is at {listen}"),
                format!(
                    "stop it (`ss -ltnp 'sport = :{}'` names it), or set `listen` (DOORWARD_LISTEN)",
                    listen.port()
                ),
            ),
        },
        ErrorKind::PermissionDenied => Finding::fault(
            LISTEN,
            format!("{listen} is not allowed to this user: {error}"),
            "listen on a port from 1024 on, with a reverse proxy in front",
        ),
        _ => Finding::fault(
            LISTEN,
            format!("{listen} cannot be had: {error}"),
            "set `listen` to an address of this machine, or to 0.0.0.0 for all of them",
        ),
    }
}

/// The names of the keys in a JWKS of Doorward's; none where it is something else.
fn key_names(answer: &Answer) -> Option<Vec<String>> {
    let value: Value = serde_json::from_slice(&answer.body).ok()?;
    let keys = value["keys"].as_array().filter(|_| answer.status == 200)?;
    let name = |key: &Value| {
        let kid = key["kid"].as_str().filter(|_| key["crv"] == "Ed25519")?;
        Some(kid.to_owned())
    };
    keys.iter().map(name).collect()
}

/// Whether the public URL resolves, answers, and leads here. What cannot be reached from this machine
/// may well be from others, so that alone is no fault.
pub(super) async fn public_url(config: &Config, keys: Option<&[String]>) -> Vec<Finding> {
    let Some(url) = &config.public_url else {
        let url = config.public_url(config.listen);
        return vec![Finding::fine(
            PUBLIC,
            format!("{url}, from this machine alone; `public_url` is not set"),
        )];
    };
    let target = Target::of(url);
    let mut findings = Vec::new();
    match target.visit(&mut findings).await {
        Ok(answer) => findings.push(judge(url, &answer, keys)),
        Err(finding) => findings.push(finding),
    }
    findings
}

fn judge(url: &str, answer: &Answer, keys: Option<&[String]>) -> Finding {
    let proxy = "see which program answers at that name, and have it pass requests on to Doorward";
    if (502..=504).contains(&answer.status) {
        let found = format!(
            "{url} answers {}: it does not reach a Doorward",
            answer.status
        );
        let mend =
            "see whether Doorward is started, and where the proxy in front passes requests to";
        return Finding::warning(PUBLIC, found, mend);
    }
    if (300..400).contains(&answer.status) {
        let found = format!("{url} sends people elsewhere (status {})", answer.status);
        let mend = "make `public_url` the address that people end up at";
        return Finding::fault(PUBLIC, found, mend);
    }
    match (key_names(answer), keys) {
        (None, _) => Finding::fault(
            PUBLIC,
            format!(
                "what answers at {url} is no Doorward (status {})",
                answer.status
            ),
            proxy,
        ),
        (Some(shown), Some(ours)) if !shown.iter().any(|name| ours.contains(name)) => {
            Finding::fault(
                PUBLIC,
                format!("another Doorward answers at {url}: its keys are not in this database"),
                proxy,
            )
        }
        (Some(_), Some(_)) => Finding::fine(PUBLIC, format!("{url} leads to this Doorward")),
        (Some(_), None) => Finding::fine(PUBLIC, format!("a Doorward answers at {url}")),
    }
}

/// Where a URL leads.
struct Target<'u> {
    url: &'u str,
    host: &'u str,
    authority: &'u str,
    port: u16,
    is_tls: bool,
}

impl<'u> Target<'u> {
    fn of(url: &'u str) -> Self {
        let host = host_of(url);
        let authority = url.split("://").nth(1).unwrap_or(url);
        let is_tls = url.starts_with("https://");
        let port = authority[host.len()..]
            .strip_prefix(':')
            .and_then(|port| port.parse().ok());
        Self {
            url,
            host,
            authority,
            port: port.unwrap_or(if is_tls { 443 } else { 80 }),
            is_tls,
        }
    }

    async fn visit(&self, findings: &mut Vec<Finding>) -> Result<Answer, Finding> {
        let mut last = None;
        for address in self.resolve().await? {
            match fetch::connect(address).await {
                Ok(stream) if self.is_tls => return self.ask_by_tls(stream, findings).await,
                Ok(stream) => return self.told(fetch::get(stream, self.authority, JWKS).await),
                Err(error) => last = Some(error),
            }
        }
        let error = last.map(|error| format!(": {error:#}")).unwrap_or_default();
        Err(Finding::warning(
            PUBLIC,
            format!("{} cannot be reached from here{error}", self.url),
            "see whether the server and the proxy in front run; from other machines it may be reachable",
        ))
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, Finding> {
        let host = self.host.trim_matches(['[', ']']);
        let found = timeout(PATIENCE, tokio::net::lookup_host((host, self.port))).await;
        match found {
            Ok(Ok(addresses)) => Ok(addresses.collect()),
            Ok(Err(_)) | Err(_) => Err(Finding::warning(
                PUBLIC,
                format!("{} has no address that this machine knows", self.host),
                "make its DNS record, or correct `public_url`; links in mails lead there",
            )),
        }
    }

    fn told(&self, answer: anyhow::Result<Answer>) -> Result<Answer, Finding> {
        answer.map_err(|error| {
            Finding::warning(
                PUBLIC,
                format!("{} gives no answer: {error:#}", self.url),
                "see whether http and https, and the port, are right in `public_url`",
            )
        })
    }

    async fn ask_by_tls(
        &self,
        stream: tokio::net::TcpStream,
        findings: &mut Vec<Finding>,
    ) -> Result<Answer, Finding> {
        const PART: &str = "public URL: TLS";
        let no_roots = |error: anyhow::Error| {
            let mend = "install the package ca-certificates, or name a file in SSL_CERT_FILE";
            Finding::warning(
                PART,
                format!("no certificate can be checked: {error}"),
                mend,
            )
        };
        let tls = Tls::new().map_err(no_roots)?;
        let stream = match tls.start(stream, self.host).await {
            Ok(stream) => stream,
            Err(error) => return Err(certificate(PART, self.host, &format!("{error:#}"))),
        };
        let now = SystemClock::default().now().as_second();
        let soon = Duration::from_secs(u64::try_from(now + RENEWAL.as_secs()).unwrap_or_default());
        if !tls.is_good_at(&stream, self.host, UnixTime::since_unix_epoch(soon)) {
            findings.push(Finding::warning(
                PART,
                format!("the certificate of {} ends within two weeks", self.host),
                "see why whatever renews it has not done so",
            ));
        }
        self.told(fetch::get(stream, self.authority, JWKS).await)
    }
}

/// What a browser would say too, and what only this machine may not know.
fn certificate(part: &'static str, host: &str, error: &str) -> Finding {
    let found = format!("{host}: {error}");
    if error.contains("UnknownIssuer") || error.contains("BadSignature") {
        let mend = "send the whole chain of certificates; if the authority is your own, name it in SSL_CERT_FILE";
        return Finding::warning(part, found, mend);
    }
    if error.contains("certificate") {
        return Finding::fault(part, found, "renew the certificate, for this very name");
    }
    Finding::warning(
        part,
        found,
        "see whether TLS is spoken on that port; without it, `public_url` begins with http",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_it_leads() {
        for (url, host, port, is_tls) in [
            ("https://id.example.com", "id.example.com", 443, true),
            ("https://id.example.com:8443", "id.example.com", 8443, true),
            ("http://10.0.0.7:8000", "10.0.0.7", 8000, false),
            ("http://[::1]", "[::1]", 80, false),
            ("http://[::1]:81", "[::1]", 81, false),
        ] {
            let target = Target::of(url);
            assert_eq!(
                (target.host, target.port, target.is_tls),
                (host, port, is_tls),
                "{url}"
            );
        }
    }
}
