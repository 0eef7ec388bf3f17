//! The listener: accepts connections, bounds them, and lets what runs finish at the end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt;

use crate::first_bytes::FirstBytes;

/// How many connections are open at once (H-05).
pub const MAX_CONNECTIONS: usize = 4096;
/// How long the headers of a request may take.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest header block, in bytes.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// The most headers.
const MAX_HEADERS: usize = 100;
/// How long what runs may take to finish when the server stops.
const DRAIN: Duration = Duration::from_secs(30);

/// Serves until `stop` turns true, then until what runs has finished.
pub async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    let server = Arc::new(builder());
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    while !*stop.borrow() {
        // A place first: while all are taken, the next connection waits in the system's queue.
        let accepting = async {
            let place = places.clone().acquire_owned().await;
            let place = place.expect("the places are never closed");
            (place, listener.accept().await)
        };
        tokio::select! {
            (place, accepted) = accepting => match accepted {
                Ok((stream, peer)) => spawn(&server, &graceful, router.clone(), stream, peer, place),
                Err(error) => {
                    // Out of file descriptors, most likely: a pause lets some come back.
                    tracing::error!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            _ = stop.changed() => {}
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests did not finish in time");
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        // A body has at most 64 KiB: no stream buffers more, and no connection more than a few.
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(256 * 1024)
        .max_header_list_size(MAX_HEADER_BYTES as u32)
        .keep_alive_interval(Some(Duration::from_secs(30)));
    builder
}

fn spawn(
    server: &Arc<auto::Builder<TokioExecutor>>,
    graceful: &GracefulShutdown,
    router: Router,
    stream: TcpStream,
    peer: SocketAddr,
    place: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "answers may wait for more");
    }
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        let router = router.clone();
        async move {
            request.extensions_mut().insert(ConnectInfo(peer));
            let answer = router.oneshot(request.map(axum::body::Body::new)).await;
            Ok::<_, Infallible>(answer.unwrap_or_else(|never| match never {}))
        }
    });
    let stream = TokioIo::new(FirstBytes::within(HEADER_TIMEOUT, stream));
    let connection = server.serve_connection(stream, service).into_owned();
    let watched = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = watched.await {
            tracing::debug!(error, "a connection broke off");
        }
        drop(place);
    });
}
