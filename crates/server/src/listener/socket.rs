//! What the system keeps for a connection, which no memory of ours shows (H-05): what was sent and is not taken, and
//! what has come and is not read. It grows to megabytes by itself, for each of thousands, and outlives the connection.
//!
//! It knows sockets alone. Who is cut off, the [`gate`](super::gate) knows.

use std::io;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// How much is kept, in each of both ways; Linux makes it twice that. A body has no more, and an answer of some pages
/// is on its way at once.
pub(super) const KEPT: usize = 64 * 1024;
/// How long the system tries by itself to hand over what a client does not take, also after the end of a connection.
const UNTAKEN: Duration = Duration::from_secs(20);

/// Bounds it, and lets no part of an answer wait for the next.
pub fn bound(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    sockopt::set_socket_send_buffer_size(socket, KEPT)?;
    sockopt::set_socket_recv_buffer_size(socket, KEPT)?;
    #[cfg(target_os = "linux")]
    sockopt::set_tcp_user_timeout(socket, u32::try_from(UNTAKEN.as_millis()).unwrap_or(0))?;
    Ok(())
}

/// A stream that can end together with what is still to be taken of it.
pub trait Sever {
    /// When it is closed, what was not taken is thrown away.
    fn sever(&self);
}

impl Sever for TcpStream {
    fn sever(&self) {
        if let Err(error) = self.set_zero_linger() {
            tracing::debug!(%error, "what a connection was sent may outlive it");
        }
    }
}

impl Sever for TlsStream<TcpStream> {
    fn sever(&self) {
        self.get_ref().0.sever();
    }
}

#[cfg(test)]
impl Sever for tokio::io::DuplexStream {
    fn sever(&self) {}
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// H-05, T-FLOOD: a client that takes nothing has the system keep so much for it, and not megabytes.
    #[tokio::test]
    async fn what_is_not_taken_is_kept_up_to_a_bound() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        // What the client's system keeps is set too, before it connects: by itself it may be more.
        let client = TcpSocket::new_v4().unwrap();
        client.set_recv_buffer_size(16 * 1024).unwrap();
        let client = client.connect(listener.local_addr().unwrap());
        let (client, accepted) = tokio::join!(client, listener.accept());
        let (client, server) = (client.unwrap(), accepted.unwrap().0);
        bound(&server).unwrap();
        assert!(server.nodelay().unwrap());
        for kept in [
            sockopt::socket_send_buffer_size(&server).unwrap(),
            sockopt::socket_recv_buffer_size(&server).unwrap(),
        ] {
            // Less where the system allows less (net.core.wmem_max).
            assert!(kept > 0 && kept <= 2 * KEPT, "{kept}");
        }
        server.writable().await.unwrap();
        let piece = [0; 16 * 1024];
        let sent: usize = std::iter::from_fn(|| server.try_write(&piece).ok()).sum();
        // The client's system keeps some of it too.
        assert!(sent > 0 && sent < 8 * KEPT, "{sent}");
        drop(client);
    }
}
