//! Opens the listening socket, or takes sockets from the service manager (`LISTEN_FDS`, `sd_listen_fds(3)`).
//!
//! With the latter, no connection is refused during a restart: the socket stays open in systemd, and new
//! connections wait in its queue.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use listenfd::ListenFd;
use tokio::net::TcpListener;

use super::bind::bind;
use super::server::SocketOwner;
use crate::config::Config;

/// Listening sockets.
pub struct Sockets {
    /// At least one.
    pub listeners: Vec<TcpListener>,
    /// Process that opened them.
    pub owner: SocketOwner,
    /// The address of the first one.
    pub address: SocketAddr,
}

/// Takes the sockets of the service manager, or opens one as configured.
pub async fn open(config: &Config) -> anyhow::Result<Sockets> {
    let (listeners, owner) = match inherited(config)? {
        inherited if !inherited.is_empty() => (inherited, SocketOwner::ServiceManager),
        _ => {
            let socket = bind(config.listen, "DOORWARD_LISTEN").await?;
            (vec![socket], SocketOwner::Process)
        }
    };
    let address = listeners[0].local_addr()?;
    Ok(Sockets {
        listeners,
        owner,
        address,
    })
}

fn inherited(config: &Config) -> anyhow::Result<Vec<TcpListener>> {
    let mut handed = ListenFd::from_env();
    let mut listeners = Vec::new();
    for number in 0..handed.len() {
        let taken = handed.take_tcp_listener(number);
        let socket = taken.context("the service manager passed something other than a TCP socket: in doorward.socket, write ListenStream=ADDRESS:PORT")?;
        let Some(socket) = socket else {
            continue;
        };
        // macOS cannot say it, and has no systemd.
        #[cfg(target_os = "linux")]
        if !rustix::net::sockopt::socket_acceptconn(&socket)? {
            bail!(
                "the service manager passed a connection instead of a listening socket: remove Accept= from doorward.socket"
            );
        }
        check(config, socket.local_addr()?)?;
        socket.set_nonblocking(true)?;
        listeners.push(TcpListener::from_std(socket)?);
    }
    Ok(listeners)
}

/// Checks the configuration again with the address of the inherited socket.
fn check(config: &Config, address: SocketAddr) -> anyhow::Result<()> {
    let actual = Config {
        listen: address,
        ..config.clone()
    };
    let faults = actual.check();
    if !faults.is_empty() {
        bail!(
            "the service manager listens on {address}, which the configuration does not allow:\n  - {}",
            faults.join("\n  - ")
        );
    }
    Ok(())
}
