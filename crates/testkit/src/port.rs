//! Ports of this machine's loopback, for servers that tests start.

use std::net::{Ipv4Addr, SocketAddr};

/// A free port, reserved for its owner: it is bound and never listened on, so no other process gets it, and it
/// refuses connections while its server is down. The server must set `SO_REUSEADDR`.
#[derive(Debug)]
pub struct Port {
    /// Its number.
    pub number: u16,
    _kept: tokio::net::TcpSocket,
}

impl Port {
    /// Reserves a free port.
    ///
    /// # Panics
    /// If no port is free.
    #[must_use]
    pub fn free() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        socket.bind(any).expect("a free port");
        // Set after `bind`, so that the port was free. The server sets it too, to listen on this port.
        socket.set_reuseaddr(true).expect("a socket's option");
        let number = socket.local_addr().expect("it is bound").port();
        Self {
            number,
            _kept: socket,
        }
    }
}
