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

const PIECE: usize = 16 * 1024;

/// How a proxy treats open and new connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyMode {
    /// Forwards everything.
    Pass,
    /// Does not listen; open connections continue.
    Refuse,
    /// Accepts connections and forwards nothing, in no direction. Delayed data is forwarded in the next mode.
    Stall,
    /// Forwards each chunk with this delay.
    Slow(Duration),
    /// This many times, forwards data of a client that contains these bytes, waits for the reply, drops it and
    /// resets the connection: the request is executed, and the client does not know.
    LoseAnswer(&'static str, u32),
    /// This many times, resets the connection when a client sends these bytes, and does not forward them: the
    /// request is not executed, and the client does not know.
    LoseRequest(&'static str, u32),
    /// Once, delays data of a client that contains these bytes, and forwards it even if the client has
    /// disconnected: the request is executed although its client has given up.
    Late(&'static str, Duration),
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
    /// Number of requests and replies that were lost or delayed.
    lost: AtomicU32,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(task) = self.listening().take() {
            task.abort();
        }
        self.cut();
    }
}

impl Proxy {
    /// Creates a proxy in front of an address, which forwards everything.
    pub async fn to(target: SocketAddr) -> Self {
        let proxy = Self {
            shared: Arc::new(Shared {
                target: Mutex::new(target),
                mode: watch::Sender::new(ProxyMode::Pass),
                cuts: watch::Sender::new(0),
                lost: AtomicU32::new(0),
            }),
            port: Port::free(),
            listening: Mutex::default(),
        };
        proxy.set(ProxyMode::Pass).await;
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
        let target = self.leads_to().to_string();
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
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Refuses connections and resets open ones, as if the server were down.
    pub async fn cut_off(&self) {
        self.set(ProxyMode::Refuse).await;
        self.cut();
    }

    /// Changes the target of new connections.
    pub fn lead_to(&self, target: SocketAddr) {
        *self.target() = target;
    }

    /// The target of new connections.
    #[must_use]
    pub fn leads_to(&self) -> SocketAddr {
        *self.target()
    }

    /// Number of requests and replies that were lost or delayed since the mode was set.
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
    shared.let_through().await;
    let target = *shared.target.lock().unwrap_or_else(PoisonError::into_inner);
    let server = server.insert(TcpStream::connect(target).await?);
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    // Whether the next reply is dropped.
    let loses = AtomicBool::new(false);
    let requests = async {
        let mut piece = vec![0; PIECE];
        let mut before = Vec::new();
        while let count @ 1.. = from_client.read(&mut piece).await? {
            shared.let_through().await;
            match shared.judge(&mut before, &piece[..count]) {
                Verdict::Forward => {}
                Verdict::LoseAnswer => loses.store(true, Ordering::SeqCst),
                Verdict::LoseRequest => return Err(std::io::ErrorKind::ConnectionReset.into()),
                Verdict::Late(delay) => tokio::time::sleep(delay).await,
            }
            to_server.write_all(&piece[..count]).await?;
        }
        to_server.shutdown().await
    };
    let answers = async {
        let mut piece = vec![0; PIECE];
        while let count @ 1.. = from_server.read(&mut piece).await? {
            if loses.load(Ordering::SeqCst) {
                return Err(std::io::ErrorKind::ConnectionReset.into());
            }
            shared.let_through().await;
            to_client.write_all(&piece[..count]).await?;
        }
        to_client.shutdown().await
    };
    tokio::try_join!(requests, answers).map(|_| ())
}

enum Verdict {
    Forward,
    LoseAnswer,
    LoseRequest,
    Late(Duration),
}

impl Shared {
    /// Waits as the mode requires.
    async fn let_through(&self) {
        let mode = self.mode.borrow().clone();
        if let ProxyMode::Slow(delay) = mode {
            tokio::time::sleep(delay).await;
        }
        let mut modes = self.mode.subscribe();
        // It fails only once the proxy is dropped, and the connection ends then.
        let _ = modes.wait_for(|mode| *mode != ProxyMode::Stall).await;
    }

    /// `before` is the end of the data that the client sent before, since a match may span two chunks.
    fn judge(&self, before: &mut Vec<u8>, piece: &[u8]) -> Verdict {
        let mode = self.mode.borrow().clone();
        let (wanted, times, verdict) = match mode {
            ProxyMode::LoseAnswer(wanted, times) => (wanted, times, Verdict::LoseAnswer),
            ProxyMode::LoseRequest(wanted, times) => (wanted, times, Verdict::LoseRequest),
            ProxyMode::Late(wanted, delay) => (wanted, 1, Verdict::Late(delay)),
            ProxyMode::Pass | ProxyMode::Refuse | ProxyMode::Stall | ProxyMode::Slow(_) => {
                return Verdict::Forward;
            }
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
            false => Verdict::Forward,
        }
    }
}
