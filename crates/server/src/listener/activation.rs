//! Sockets: of our own, or of a service manager that opened them for us (`LISTEN_FDS`).
//!
//! With the latter, a restart refuses nobody: the socket stays open in systemd, and whoever comes
//! meanwhile waits in its queue. See `sd_listen_fds(3)`.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use listenfd::ListenFd;
use tokio::net::TcpListener;

use super::accepting::Owner;
use crate::config::Config;

/// What is listened on.
pub struct Sockets {
    /// At least one.
    pub listeners: Vec<TcpListener>,
    /// Whose they are.
    pub owner: Owner,
    /// Where the first of them listens.
    pub address: SocketAddr,
}

/// The service manager's sockets, if it has given any; else one as configured.
pub async fn open(config: &Config) -> anyhow::Result<Sockets> {
    let (listeners, owner) = match given(config)? {
        given if !given.is_empty() => (given, Owner::ServiceManager),
        _ => (vec![bind(config.listen).await?], Owner::Us),
    };
    let address = listeners[0].local_addr()?;
    Ok(Sockets {
        listeners,
        owner,
        address,
    })
}

async fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).await.with_context(|| {
        format!("cannot listen on {listen}: another program may be there; choose another with DOORWARD_LISTEN")
    })
}

fn given(config: &Config) -> anyhow::Result<Vec<TcpListener>> {
    let mut handed = ListenFd::from_env();
    let mut listeners = Vec::new();
    for number in 0..handed.len() {
        let taken = handed.take_tcp_listener(number);
        let socket = taken.context("the service manager handed over something else than a TCP socket: in doorward.socket, write ListenStream=ADDRESS:PORT")?;
        let Some(socket) = socket else {
            continue;
        };
        if !rustix::net::sockopt::socket_acceptconn(&socket)? {
            bail!(
                "the service manager handed over a connection, not a socket that listens: in doorward.socket, leave Accept= out"
            );
        }
        fits(config, socket.local_addr()?)?;
        socket.set_nonblocking(true)?;
        listeners.push(TcpListener::from_std(socket)?);
    }
    Ok(listeners)
}

/// What the configuration allows for `listen`, it allows for where the socket really listens.
fn fits(config: &Config, address: SocketAddr) -> anyhow::Result<()> {
    let real = Config {
        listen: address,
        ..config.clone()
    };
    let faults = real.check();
    if !faults.is_empty() {
        bail!(
            "the service manager listens on {address}, and the configuration does not allow that:\n  - {}",
            faults.join("\n  - ")
        );
    }
    Ok(())
}
