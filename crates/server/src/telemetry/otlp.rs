//! The client that hands spans to their collector: one `POST`, within its time, or they are lost.
//!
//! The SDK calls it from a thread of its own; the work is done on the server's runtime. A collector that
//! is away is one line in the log, and another when it is back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use async_trait::async_trait;
use hyper::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
    HeaderValue, TRANSFER_ENCODING,
};
use hyper::{Request, Response, Uri};
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use percent_encoding::percent_decode_str;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::fetch::{self, Tls};

/// How long handing over may take, from the name to the answer.
pub const PATIENCE: Duration = Duration::from_secs(8);
/// How often a collector that stays away is spoken of.
const SAID_EVERY: Duration = Duration::from_secs(600);
/// What of a request is ours to say.
const OURS: [HeaderName; 6] = [
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    HOST,
    TRANSFER_ENCODING,
];

/// A collector of spans.
pub struct Collector {
    runtime: Handle,
    to: Arc<Address>,
    /// When it was said that it is away, while it is.
    away: Mutex<Option<Instant>>,
}

/// What the log is told.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Away(String),
    Back,
}

struct Address {
    host: String,
    port: u16,
    /// Host and port as the URL has them.
    authority: HeaderValue,
    /// What the collector asks for, a key maybe.
    headers: HeaderMap,
    tls: Option<Tls>,
}

impl Collector {
    /// At that URL, with these headers; nobody is asked yet.
    pub fn at(url: &str, headers: HeaderMap) -> anyhow::Result<Self> {
        let uri: Uri = url.parse().context("the URL for traces")?;
        let authority = uri.authority().context("the URL for traces has no host")?;
        let is_https = uri.scheme_str() == Some("https");
        let default_port = if is_https { 443 } else { 80 };
        let to = Address {
            host: authority.host().to_owned(),
            port: authority.port_u16().unwrap_or(default_port),
            authority: HeaderValue::from_str(authority.as_str())?,
            headers,
            tls: match is_https {
                true => Some(Tls::new()?),
                false => None,
            },
        };
        Ok(Self {
            runtime: Handle::current(),
            to: Arc::new(to),
            away: Mutex::default(),
        })
    }

    /// Says when the collector goes, now and then while it is away, and when it is back.
    fn heard(&self, answer: &anyhow::Result<Response<Bytes>>, now: Instant) -> Option<Said> {
        let fault = match answer {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("it answers {}", response.status())),
            Err(error) => Some(format!("{error:#}")),
        };
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        match (fault, *away) {
            (None, None) => None,
            (None, Some(_)) => {
                *away = None;
                Some(Said::Back)
            }
            (Some(_), Some(said_at)) if now.duration_since(said_at) < SAID_EVERY => None,
            (Some(fault), _) => {
                *away = Some(now);
                Some(Said::Away(fault))
            }
        }
    }
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let to = self.to.clone();
        let sending = async move { timeout(PATIENCE, to.hand_over(request)).await };
        let sending = self.runtime.spawn(sending);
        let answer = match sending.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(anyhow::anyhow!("no answer within {} s", PATIENCE.as_secs())),
            Err(error) => Err(error.into()),
        };
        match self.heard(&answer, Instant::now()) {
            Some(Said::Back) => tracing::info!("traces are collected again"),
            Some(Said::Away(error)) => tracing::warn!(
                error,
                "traces cannot be handed to their collector (`traces.endpoint`, `traces.url`), and are lost until they can"
            ),
            None => {}
        }
        Ok(answer?)
    }
}

impl Address {
    async fn hand_over(&self, request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
        let request = self.dress(request)?;
        let stream = fetch::connect_to(&self.host, self.port).await?;
        match &self.tls {
            Some(tls) => fetch::exchange(tls.start(stream, &self.host).await?, request).await,
            None => fetch::exchange(stream, request).await,
        }
    }

    /// The SDK's request, with the headers of our configuration: the SDK takes others from the
    /// environment, where nobody of ours looks.
    fn dress(&self, request: Request<Bytes>) -> anyhow::Result<Request<Bytes>> {
        let (mut parts, body) = request.into_parts();
        let mut headers = self.headers.clone();
        for name in [CONTENT_TYPE, CONTENT_ENCODING] {
            if let Some(value) = parts.headers.remove(&name) {
                headers.insert(name, value);
            }
        }
        headers.insert(HOST, self.authority.clone());
        parts.headers = headers;
        parts.uri = parts.uri.path().parse()?;
        Ok(Request::from_parts(parts, body))
    }
}

/// Headers as `OTEL_EXPORTER_OTLP_HEADERS` spells them: `name=value` with commas between, values
/// percent-encoded. The error shows nothing of them.
pub fn headers_of(text: &str) -> Result<HeaderMap, String> {
    let wrong = || {
        "must be name=value, with commas between, such as authorization=Bearer%20secret".to_owned()
    };
    let mut headers = HeaderMap::new();
    for pair in text
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
    {
        let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
        let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
        if OURS.contains(&name) {
            return Err(format!("cannot set {name}, which Doorward writes itself"));
        }
        let value = percent_decode_str(value.trim()).decode_utf8();
        let value = HeaderValue::from_str(&value.map_err(|_| wrong())?);
        let mut value = value.map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collector(headers: &str) -> Collector {
        let headers = headers_of(headers).unwrap();
        Collector::at("http://collector.example:4318/v1/traces", headers).unwrap()
    }

    #[tokio::test]
    async fn a_collector_that_is_away_is_spoken_of_now_and_then() {
        let collector = collector("");
        let start = Instant::now();
        let answered = |status: u16| {
            let answer = Response::builder().status(status).body(Bytes::new());
            Ok(answer.unwrap())
        };
        let away = |text: &str| Some(Said::Away(text.to_owned()));
        let refused = "it answers 503 Service Unavailable";
        for (seconds, answer, said) in [
            (0, answered(200), None),
            (1, answered(503), away(refused)),
            (2, answered(503), None),
            (600, Err(anyhow::anyhow!("refused")), None),
            (601, Err(anyhow::anyhow!("refused")), away("refused")),
            (602, answered(503), None),
            (603, answered(202), Some(Said::Back)),
            (604, answered(200), None),
            (605, answered(503), away(refused)),
        ] {
            let heard = collector.heard(&answer, start + Duration::from_secs(seconds));
            assert_eq!(heard, said, "after {seconds} s");
        }
    }

    /// What the SDK takes from the environment goes no further than here.
    #[tokio::test]
    async fn the_headers_are_those_of_the_configuration() {
        let collector = collector("api-key=a%20b%2Cc, x=1");
        let request = Request::post("http://collector.example:4318/v1/traces")
            .header("content-type", "application/x-protobuf")
            .header("api-key", "of the environment")
            .header("x-more", "of the environment")
            .body(Bytes::new());
        let request = collector.to.dress(request.unwrap()).unwrap();
        let mut headers: Vec<_> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        headers.sort_unstable();
        let expected = [
            ("api-key", "a b,c"),
            ("content-type", "application/x-protobuf"),
            ("host", "collector.example:4318"),
            ("x", "1"),
        ];
        assert_eq!(headers, expected);
        assert_eq!(request.uri(), "/v1/traces");
        assert!(!format!("{request:?}").contains("a b,c"));
    }

    #[test]
    fn what_is_no_header_is_refused_and_not_shown() {
        for text in [
            "hunter2",
            "a b=hunter2",
            "=hunter2",
            "x=hunter2%0A",
            "x=hunter2%FF",
            "host=hunter2",
        ] {
            let refused = headers_of(text).unwrap_err();
            assert!(!refused.contains("hunter2"), "{refused}");
        }
        assert!(headers_of("").unwrap().is_empty());
    }
}
