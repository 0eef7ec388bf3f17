//! Opens a socket. If another Doorward has the address, the error names it.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;

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
        ErrorKind::AddrInUse => match doorward_on(address.port()) {
            Some(pid) => format!(
                "another Doorward is already running on {address} (pid {pid}). Stop it, or choose another address with {setting}"
            ),
            None => format!(
                "cannot listen on {address}: the address is already in use by another program. Stop that program, or choose another address with {setting}"
            ),
        },
        ErrorKind::PermissionDenied => format!(
            "cannot listen on {address}: permission denied. Choose a port above 1023 with {setting}, and put a reverse proxy in front"
        ),
        _ => {
            format!("cannot listen on {address}. Choose an address of this machine with {setting}")
        }
    }
}

/// The process ID of a Doorward that listens on this port. Finds processes of the same user on Linux.
fn doorward_on(port: u16) -> Option<u32> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let tables = tables.map(|path| std::fs::read_to_string(path).unwrap_or_default());
    let sockets: Vec<_> = tables
        .iter()
        .flat_map(|table| table.lines())
        .filter_map(|line| listening_socket(line, port))
        .collect();
    let processes = std::fs::read_dir("/proc").ok()?;
    processes.flatten().find_map(|process| {
        let pid = process.file_name().to_str()?.parse().ok()?;
        let name = std::fs::read_to_string(process.path().join("comm")).ok()?;
        let is_doorward = name.trim_end() == env!("CARGO_PKG_NAME");
        (is_doorward && has_one_of(&process.path(), &sockets)).then_some(pid)
    })
}

/// The inode of the socket in a line of `/proc/net/tcp` (`proc_net_tcp(5)`) if it listens on `port`.
fn listening_socket(line: &str, port: u16) -> Option<String> {
    const LISTEN: &str = "0A";
    let columns: Vec<_> = line.split_whitespace().collect();
    let (local, state, inode) = (columns.get(1)?, columns.get(3)?, columns.get(9)?);
    let is_listening = *state == LISTEN && local.ends_with(&format!(":{port:04X}"));
    is_listening.then(|| format!("socket:[{inode}]"))
}

fn has_one_of(process: &Path, sockets: &[String]) -> bool {
    let descriptors = std::fs::read_dir(process.join("fd"));
    descriptors.is_ok_and(|descriptors| {
        let targets = descriptors
            .flatten()
            .filter_map(|fd| fd.path().read_link().ok());
        let mut targets = targets.filter_map(|target| target.to_str().map(str::to_owned));
        targets.any(|target| sockets.contains(&target))
    })
}
