//! Ports of this machine's loopback, for servers that tests start.

use std::net::{Ipv4Addr, SocketAddr};

/// A free port, kept free for its owner: bound and never listened on, it is given to nobody else, and
/// refuses connections while its server is away. The server has to set `SO_REUSEADDR`, as they do.
#[derive(Debug)]
pub struct Port {
    /// Its number.
    pub number: u16,
    _kept: tokio::net::TcpSocket,
}

impl Port {
    /// One that nobody has.
    ///
    /// # Panics
    /// Where every port is taken.
    #[must_use]
    pub fn free() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        socket.bind(any).expect("a free port");
        // Now, so that it was free; the server says the same, and may listen beside it.
        socket.set_reuseaddr(true).expect("a socket's option");
        let number = socket.local_addr().expect("it is bound").port();
        Self {
            number,
            _kept: socket,
        }
    }
}
