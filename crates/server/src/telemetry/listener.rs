//! The listener of the metrics: `GET /metrics` and nothing else, apart from the one that people reach.
//!
//! Bounded like that one: few connections, short headers, one answer each, and nobody takes long over
//! it. Where all places are taken, the oldest connection makes room: a Prometheus is done within
//! moments, and whoever reads slowly keeps nobody from seeing. Its answers wear what all do (H-11). It knows
//! nothing of what the figures mean.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::scrape::Scrape;
use crate::listener::bound;
use crate::listener::shortage::{self, Shortage};

/// How many connections are open at once: a Prometheus or two, and somebody who looks.
const MAX_CONNECTIONS: usize = 16;
/// How long the headers of a request may take.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection lives, whatever it does. Prometheus waits ten seconds.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(15);
/// The largest header block, in bytes.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// The text format of the exposition.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Takes the port.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address} for metrics: another program may be there; choose another with DOORWARD_METRICS__LISTEN")
    })
}

/// Serves until it is dropped, and all its connections with it.
pub async fn serve(listener: TcpListener, scrape: Scrape) {
    let scrape = Arc::new(scrape);
    let mut connections = JoinSet::new();
    // Oldest first.
    let mut places = VecDeque::<AbortHandle>::new();
    let mut shortage = Shortage::default();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                shortage.accepted();
                if let Err(error) = bound(&stream) {
                    tracing::debug!(%error, "a connection for metrics could not be bounded");
                }
                places.retain(|place| !place.is_finished());
                if places.len() >= MAX_CONNECTIONS
                    && let Some(oldest) = places.pop_front()
                {
                    oldest.abort();
                }
                places.push_back(connections.spawn(converse(stream, scrape.clone())));
            }
            Err(error) => {
                shortage.failed(&error);
                sleep(shortage::PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, scrape: Arc<Scrape>) {
    let service = service_fn(move |request| {
        let scrape = scrape.clone();
        async move { Ok::<_, Infallible>(answer(&scrape, &request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(CONNECTION_TIMEOUT, connection).await {
        Ok(Ok(())) | Err(_) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection for metrics broke off"),
    }
}

async fn answer(scrape: &Scrape, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let (status, text) = match (request.uri().path(), is_read) {
        ("/metrics", true) => (StatusCode::OK, scrape.text().await),
        ("/metrics", false) => (StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned()),
        _ => (
            StatusCode::NOT_FOUND,
            "metrics are at /metrics\n".to_owned(),
        ),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(TEXT_FORMAT));
    doorward_web::wear(headers);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}
