//! Connections and requests of the server, at the end of each time limit and at a shutdown.

use std::net::Ipv4Addr;

use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::oneshot;

use super::*;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
/// The HTTP/2 preface, settings, and a request for `/` with names of the static table.
const HTTP_2_REQUEST: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x06\x01\x05\0\0\0\x01\x82\x84\x86\x41\x01x";

async fn listener() -> (Listener, SocketAddr) {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    let listener = Listener {
        sockets: vec![socket],
        owner: SocketOwner::Process,
        tls: None,
        limits: ConnectionLimits {
            connections: 10,
            connections_per_address: 10,
            trusted_proxies: "".parse().unwrap(),
        },
        observer: None,
    };
    (listener, address)
}

#[derive(Default)]
struct Rejections(Mutex<Vec<RejectReason>>);

impl ConnectionObserver for Rejections {
    fn opened(&self) {}

    fn closed(&self) {}

    fn rejected(&self, reason: RejectReason) {
        self.0.lock().unwrap().push(reason);
    }
}

/// A connection without a kernel in between, so that paused time advances when both sides wait. The task
/// ends with the connection.
async fn connect(
    router: Router,
    rejections: &Arc<Rejections>,
) -> (DuplexStream, tokio::task::JoinHandle<()>) {
    let (mut listener, _) = listener().await;
    listener.observer = Some(rejections.clone());
    let (phases, phase) = watch::channel(Phase::Serving);
    let server = Arc::new(Server::new(listener, router, phase));
    let (client, stream) = duplex(1024);
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000));
    let connection = tokio::spawn(async move {
        server.serve(stream, peer, None).await;
        drop(phases);
    });
    (client, connection)
}

fn router() -> Router {
    Router::new().route("/", get(async || "hello"))
}

/// H-05, T-FLOOD
#[tokio::test(start_paused = true)]
async fn a_client_has_ten_seconds_for_its_first_header() {
    for sent in [&b""[..], b"GET / HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n"] {
        let (rejections, began) = (Arc::<Rejections>::default(), Instant::now());
        let (mut client, connection) = connect(router(), &rejections).await;
        client.write_all(sent).await.unwrap();
        connection.await.unwrap();
        assert_eq!(began.elapsed().as_secs(), HEADER_TIMEOUT.as_secs());
        assert_eq!(*rejections.0.lock().unwrap(), [RejectReason::Timeout]);
    }
}

/// H-05: half of a later header does not hold a connection any longer.
#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_after_the_keep_alive_time() {
    for sent in [REQUEST, &[REQUEST, b"GET /"].concat()] {
        let (rejections, began) = (Arc::<Rejections>::default(), Instant::now());
        let (mut client, connection) = connect(router(), &rejections).await;
        client.write_all(sent).await.unwrap();
        sleep(KEEP_ALIVE - Duration::from_secs(1)).await;
        assert!(!connection.is_finished());
        connection.await.unwrap();
        let limits = KEEP_ALIVE..=KEEP_ALIVE + CLOSE_TIMEOUT;
        assert!(limits.contains(&began.elapsed()), "{:?}", began.elapsed());
        let mut response = Vec::new();
        client.read_to_end(&mut response).await.unwrap();
        let response = String::from_utf8_lossy(&response);
        assert!(response.contains("hello"), "{response}");
        assert!(rejections.0.lock().unwrap().is_empty());
    }
}

/// H-05
#[tokio::test(start_paused = true)]
async fn a_response_that_is_not_read_does_not_hold_its_connection() {
    for request in [REQUEST, HTTP_2_REQUEST] {
        let large = Router::new().route("/", get(async || "x".repeat(100_000)));
        let (rejections, began) = (Arc::<Rejections>::default(), Instant::now());
        let (mut client, connection) = connect(large, &rejections).await;
        client.write_all(request).await.unwrap();
        connection.await.unwrap();
        assert!(began.elapsed() <= KEEP_ALIVE + CLOSE_TIMEOUT);
    }
}

#[tokio::test]
async fn connections_in_the_queue_are_served_when_the_socket_closes() {
    let (listener, address) = listener().await;
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(REQUEST).await.unwrap();
    let (_phases, phase) = watch::channel(Phase::Stopping);
    serve(listener, router(), phase).await.unwrap();
    let mut response = String::new();
    client.read_to_string(&mut response).await.unwrap();
    assert!(response.ends_with("hello"), "{response}");
}

/// A handler that never ends, and reports its start and that it was dropped.
fn endless(begun: oneshot::Sender<()>, dropped: oneshot::Sender<()>) -> Router {
    let parts = Arc::new(Mutex::new(Some((begun, dropped))));
    let handler = async move || {
        let (begun, _dropped) = parts.lock().unwrap().take().unwrap();
        begun.send(()).unwrap();
        std::future::pending::<&str>().await
    };
    Router::new().route("/", get(handler))
}

/// An HTTP/2 request is a task besides its connection.
#[tokio::test]
async fn a_forced_shutdown_aborts_requests_in_flight() {
    for request in [REQUEST, HTTP_2_REQUEST] {
        let (listener, address) = listener().await;
        let (phases, phase) = watch::channel(Phase::Serving);
        let (begun, has_begun) = oneshot::channel();
        let (dropped, mut is_dropped) = oneshot::channel();
        let serving = tokio::spawn(serve(listener, endless(begun, dropped), phase));
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(request).await.unwrap();
        has_begun.await.unwrap();
        phases.send_replace(Phase::Aborting);
        serving.await.unwrap().unwrap();
        let now = is_dropped.try_recv();
        assert_eq!(now, Err(oneshot::error::TryRecvError::Closed));
    }
}

#[test]
fn a_failed_connection_is_no_failure_of_the_socket() {
    for (errno, is_of_connection) in [
        (Errno::CONNABORTED, true),
        (Errno::PROTO, true),
        (Errno::HOSTUNREACH, true),
        (Errno::MFILE, false),
        (Errno::NOMEM, false),
        (Errno::PERM, false),
    ] {
        let error = io::Error::from(errno);
        assert_eq!(is_connection_error(&error), is_of_connection, "{errno}");
    }
}
