//! Notifies the service manager (`sd_notify(3)`), if there is one.
//!
//! A state change waits up to a second if the manager's queue is full, because the manager would otherwise
//! consider the service as starting or stopping. A watchdog message is repeated soon and does not wait.

use std::ffi::OsStr;
use std::io;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{SendFlags, send};
use rustix::time::{ClockId, clock_gettime};

/// Time limit of a state change if the queue is full.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);
/// Longer than worker tasks and stores take to close.
const SHUTDOWN_MARGIN: Duration = Duration::from_secs(60);

/// The service manager, if there is one.
#[derive(Debug)]
pub struct ServiceManager {
    socket: Option<UnixDatagram>,
    /// The interval in which it expects a watchdog message.
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The service manager that started this process.
    #[expect(
        clippy::disallowed_methods,
        reason = "variables of the service manager, not settings"
    )]
    pub fn from_env() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET").and_then(|name| {
            connect(&name.into_vec())
                .inspect_err(|error| tracing::warn!(%error, "cannot connect to the service manager (NOTIFY_SOCKET)"))
                .ok()
        });
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        let is_for_us =
            number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC")
            .filter(|&micros| is_for_us && micros > 0)
            .map(Duration::from_micros);
        Self { socket, watchdog }
    }

    /// Requests are served, or a reload is finished.
    pub fn ready(&self) {
        self.send("READY=1\nSTATUS=Serving");
    }

    /// A reload starts.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// A stop starts. It takes up to `drain` and the time to close.
    pub fn stopping(&self, drain: Duration) {
        let micros = (drain + SHUTDOWN_MARGIN).as_micros();
        self.send(&format!(
            "STOPPING=1\nSTATUS=Stopping\nEXTEND_TIMEOUT_USEC={micros}"
        ));
    }

    /// Sends a watchdog message.
    fn alive(&self) {
        if let Some(socket) = &self.socket
            && let Err(error) = send(socket, b"WATCHDOG=1", SendFlags::DONTWAIT)
        {
            tracing::debug!(%error, "failed to send watchdog notification");
        }
    }

    fn send(&self, text: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = tokio::task::block_in_place(|| socket.send(text.as_bytes()))
        {
            tracing::warn!(%error, text, "failed to notify the service manager");
        }
    }
}

/// Sends watchdog messages, so that the service manager restarts a process that hangs.
pub async fn keep_alive(manager: Arc<ServiceManager>) {
    let Some(watchdog) = manager.watchdog else {
        return;
    };
    let mut ticks = tokio::time::interval(watchdog / 2);
    loop {
        ticks.tick().await;
        manager.alive();
    }
}

fn connect(name: &[u8]) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address(name)?)?;
    socket.set_write_timeout(Some(SEND_TIMEOUT))?;
    Ok(socket)
}

/// A path, or on Linux `@` and an abstract name.
fn address(name: &[u8]) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = name.strip_prefix(b"@") {
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(OsStr::from_bytes(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_socket_address_work() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("doorward-test-{}", std::process::id());
        let named = SocketAddr::from_abstract_name(&name).unwrap();
        let at_path = UnixDatagram::bind(&path).unwrap();
        let at_name = UnixDatagram::bind_addr(&named).unwrap();
        for (manager, address) in [
            (at_path, path.display().to_string()),
            (at_name, format!("@{name}")),
        ] {
            let sender = ServiceManager {
                socket: Some(connect(address.as_bytes()).unwrap()),
                watchdog: None,
            };
            sender.ready();
            let mut received = [0; 64];
            let length = manager.recv(&mut received).unwrap();
            assert!(received[..length].starts_with(b"READY=1\n"), "{address}");
        }
        assert!(connect(b"/nowhere/at/all").is_err());
    }

    #[test]
    fn a_full_queue_drops_a_watchdog_message_and_delays_a_state_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let sender = ServiceManager {
            socket: Some(connect(path.as_os_str().as_bytes()).unwrap()),
            watchdog: None,
        };
        let socket = sender.socket.as_ref().unwrap();
        let mut waiting = 0;
        while send(socket, b"WATCHDOG=1", SendFlags::DONTWAIT).is_ok() {
            waiting += 1;
        }
        sender.alive();
        std::thread::scope(|scope| {
            scope.spawn(|| sender.ready());
            let mut received = [0; 64];
            for _ in 0..waiting {
                let length = manager.recv(&mut received).unwrap();
                assert_eq!(&received[..length], b"WATCHDOG=1");
            }
            let length = manager.recv(&mut received).unwrap();
            assert!(received[..length].starts_with(b"READY=1\n"));
        });
    }
}
