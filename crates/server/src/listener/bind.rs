//! Opens a socket, or returns an error that says how to fix it.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// Listens on an address. `setting` is its variable, for the error.
pub async fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let message = cannot_listen(address, setting, &error);
        anyhow::Error::new(error).context(message)
    })
}

/// Error message for an `address` that cannot be listened on, with a fix.
fn cannot_listen(address: SocketAddr, setting: &str, error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "cannot listen on {address}: the address is already in use. Stop the program that uses it, or choose another address with {setting}"
        ),
        ErrorKind::PermissionDenied => format!(
            "cannot listen on {address}: permission denied. Choose a port above 1023 with {setting}, and put a reverse proxy in front"
        ),
        _ => {
            format!("cannot listen on {address}. Choose an address of this machine with {setting}")
        }
    }
}
