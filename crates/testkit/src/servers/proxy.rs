//! A TCP proxy in the test process that simulates a bad network.
//!
//! It depends on no protocol. It finds bytes such as `COMMIT` only in connections without encryption. To add a
//! failure: a variant of [`ProxyMode`], and its handling in `carry`.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::port::Port;

const BUFFER_BYTES: usize = 16 * 1024;

/// How a proxy treats open and new connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyMode {
    /// Forwards everything.
    Forward,
    /// Does not listen; open connections continue.
    Refuse,
    /// Accepts connections and forwards nothing, in no direction. Delayed data is forwarded in the next mode.
    Stall,
    /// Forwards each chunk with this delay.
    Slow(Duration),
    /// This many times, forwards data of a client that contains these bytes, waits for the reply, drops it and
    /// resets the connection: the request is executed, and the client does not know.
    DropResponse(&'static str, u32),
    /// This many times, resets the connection when a client sends these bytes, and does not forward them: the
    /// request is not executed, and the client does not know.
    DropRequest(&'static str, u32),
    /// This many times, sends this reply to a client that sends these bytes, which are not forwarded, and closes the
    /// connection.
    Reply(&'static str, String, u32),
    /// Replaces these bytes of a client by others of the same length.
    Replace(&'static str, &'static str),
}

/// A proxy in front of an address. Dropping it ends it.
pub struct Proxy {
    shared: Arc<Shared>,
    port: Port,
    /// `None` while it refuses connections.
    listening: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    target: Mutex<SocketAddr>,
    mode: watch::Sender<ProxyMode>,
    /// Number of cuts; a connection ends when it changes.
    cuts: watch::Sender<u32>,
    /// Number of requests and replies that were lost, answered or changed.
    lost: AtomicU32,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(task) = self.listening().take() {
            task.abort();
        }
        self.reset_connections();
    }
}

impl Proxy {
    /// Creates a proxy in front of an address, which forwards everything.
    pub async fn to(target: SocketAddr) -> Self {
        let proxy = Self {
            shared: Arc::new(Shared {
                target: Mutex::new(target),
                mode: watch::Sender::new(ProxyMode::Forward),
                cuts: watch::Sender::new(0),
                lost: AtomicU32::new(0),
            }),
            port: Port::free(),
            listening: Mutex::default(),
        };
        proxy.set(ProxyMode::Forward).await;
        proxy
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port.number))
    }

    /// The URL of a server behind the proxy, changed to lead through it.
    #[must_use]
    pub fn url(&self, behind: &str) -> String {
        let target = self.target_address().to_string();
        assert!(
            behind.contains(&target),
            "{behind} is not behind this proxy"
        );
        behind.replacen(&target, &self.address().to_string(), 1)
    }

    /// Changes the mode.
    pub async fn set(&self, mode: ProxyMode) {
        let refuses = mode == ProxyMode::Refuse;
        self.shared.lost.store(0, Ordering::SeqCst);
        self.shared.mode.send_replace(mode);
        let old = match refuses {
            true => self.listening().take(),
            false => None,
        };
        if let Some(task) = old {
            task.abort();
            // Its socket is closed only once it has ended.
            let _ = task.await;
        }
        let mut listening = self.listening();
        if !refuses && listening.is_none() {
            let listener = listen(self.address());
            *listening = Some(tokio::spawn(accept(listener, self.shared.clone())));
        }
    }

    /// Resets every open connection.
    pub fn reset_connections(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Refuses connections and resets open ones, as if the server were down.
    pub async fn take_down(&self) {
        self.set(ProxyMode::Refuse).await;
        self.reset_connections();
    }

    /// Changes the target of new connections.
    pub fn set_target(&self, target: SocketAddr) {
        *self.target() = target;
    }

    /// The target of new connections.
    #[must_use]
    pub fn target_address(&self) -> SocketAddr {
        *self.target()
    }

    /// Number of requests and replies that were lost, answered or changed by the proxy since the mode was set.
    #[must_use]
    pub fn lost(&self) -> u32 {
        self.shared.lost.load(Ordering::SeqCst)
    }

    fn target(&self) -> std::sync::MutexGuard<'_, SocketAddr> {
        let target = self.shared.target.lock();
        target.unwrap_or_else(PoisonError::into_inner)
    }

    fn listening(&self) -> std::sync::MutexGuard<'_, Option<JoinHandle<()>>> {
        self.listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn listen(address: SocketAddr) -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("a socket's option");
    socket.bind(address).expect("the port is kept for it");
    socket.listen(1024).expect("the port is kept for it")
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(connect(client, shared.clone()));
    }
}

async fn connect(mut client: TcpStream, shared: Arc<Shared>) {
    let mut cuts = shared.cuts.subscribe();
    cuts.borrow_and_update();
    let mut server = None;
    let is_reset = tokio::select! {
        _ = cuts.changed() => true,
        carried = carry(&mut client, &mut server, &shared) => carried.is_err(),
    };
    if is_reset {
        for stream in [Some(client), server].into_iter().flatten() {
            stream.set_zero_linger().ok();
        }
    }
}

async fn carry(
    client: &mut TcpStream,
    server: &mut Option<TcpStream>,
    shared: &Shared,
) -> std::io::Result<()> {
    // A stalled proxy does not even connect.
    shared.wait_for_mode().await;
    let target = *shared.target.lock().unwrap_or_else(PoisonError::into_inner);
    let server = server.insert(TcpStream::connect(target).await?);
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, to_client) = client.split();
    let to_client = tokio::sync::Mutex::new(to_client);
    let (mut from_server, mut to_server) = server.split();
    // Whether the next reply is dropped.
    let loses = AtomicBool::new(false);
    let requests = async {
        let mut piece = vec![0; BUFFER_BYTES];
        let mut before = Vec::new();
        while let count @ 1.. = from_client.read(&mut piece).await? {
            shared.wait_for_mode().await;
            match shared.action_for(&mut before, &piece[..count]) {
                ChunkAction::Forward => {}
                ChunkAction::DropResponse => loses.store(true, Ordering::SeqCst),
                ChunkAction::DropRequest => return Err(std::io::ErrorKind::ConnectionReset.into()),
                ChunkAction::Reply(reply) => {
                    to_client.lock().await.write_all(reply.as_bytes()).await?;
                    break;
                }
            }
            shared.replace(&mut piece[..count]);
            to_server.write_all(&piece[..count]).await?;
        }
        to_server.shutdown().await
    };
    let answers = async {
        let mut piece = vec![0; BUFFER_BYTES];
        while let count @ 1.. = from_server.read(&mut piece).await? {
            if loses.load(Ordering::SeqCst) {
                return Err(std::io::ErrorKind::ConnectionReset.into());
            }
            shared.wait_for_mode().await;
            to_client.lock().await.write_all(&piece[..count]).await?;
        }
        to_client.lock().await.shutdown().await
    };
    tokio::try_join!(requests, answers).map(|_| ())
}

enum ChunkAction {
    Forward,
    DropResponse,
    DropRequest,
    Reply(String),
}

impl Shared {
    /// Waits as the mode requires.
    async fn wait_for_mode(&self) {
        let mode = self.mode.borrow().clone();
        if let ProxyMode::Slow(delay) = mode {
            tokio::time::sleep(delay).await;
        }
        let mut modes = self.mode.subscribe();
        // It fails only once the proxy is dropped, and the connection ends then.
        let _ = modes.wait_for(|mode| *mode != ProxyMode::Stall).await;
    }

    /// Replaces bytes as the mode requires, if they are in one chunk.
    fn replace(&self, piece: &mut [u8]) {
        let ProxyMode::Replace(old, new) = *self.mode.borrow() else {
            return;
        };
        let (old, new) = (old.as_bytes(), new.as_bytes());
        for at in 0..piece.len() {
            if piece[at..].starts_with(old) {
                piece[at..at + old.len()].copy_from_slice(new);
                self.lost.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    /// `before` is the end of the data that the client sent before, since a match may span two chunks.
    fn action_for(&self, before: &mut Vec<u8>, piece: &[u8]) -> ChunkAction {
        let mode = self.mode.borrow().clone();
        let (wanted, times, verdict) = match mode {
            ProxyMode::DropResponse(wanted, times) => (wanted, times, ChunkAction::DropResponse),
            ProxyMode::DropRequest(wanted, times) => (wanted, times, ChunkAction::DropRequest),
            ProxyMode::Reply(wanted, reply, times) => (wanted, times, ChunkAction::Reply(reply)),
            ProxyMode::Forward
            | ProxyMode::Refuse
            | ProxyMode::Stall
            | ProxyMode::Slow(_)
            | ProxyMode::Replace(..) => return ChunkAction::Forward,
        };
        // Too short to contain a match, so that each match includes a byte of this chunk.
        before.drain(..before.len().saturating_sub(wanted.len() - 1));
        before.extend_from_slice(piece);
        let is_there = before
            .windows(wanted.len())
            .any(|bytes| bytes == wanted.as_bytes());
        let one_more = |lost| (lost < times).then_some(lost + 1);
        let (set, get) = (Ordering::SeqCst, Ordering::SeqCst);
        match is_there && self.lost.fetch_update(set, get, one_more).is_ok() {
            true => verdict,
            false => ChunkAction::Forward,
        }
    }
}
