//! Signals of the operating system.

use std::io::{IsTerminal, stdin};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::config::Config;

/// The bit of SIGHUP, signal 1, in a signal mask.
const SIGHUP_BIT: u64 = 1;

/// The signals that a server acts on.
pub struct Signals {
    /// Stop gracefully.
    pub stop: mpsc::Receiver<()>,
    /// Reload certificates.
    pub reload: mpsc::Receiver<()>,
}

/// Starts to receive signals.
///
/// SIGTERM and SIGINT stop the server. SIGHUP reloads certificate files. It stops the server if no certificate
/// files are set and the server runs in a terminal, because then it means that the terminal was closed; under
/// `nohup`, which ignores SIGHUP, it does not.
pub fn listen(config: &Config) -> std::io::Result<Signals> {
    let is_in_terminal = stdin().is_terminal() && !is_hangup_ignored();
    let hangup_stops = is_in_terminal && config.tls_certificate.is_none();
    let (stop, reload) = (mpsc::channel(1), mpsc::channel(1));
    forward(SignalKind::terminate(), stop.0.clone())?;
    forward(SignalKind::interrupt(), stop.0.clone())?;
    let hangup = if hangup_stops { stop.0 } else { reload.0 };
    forward(SignalKind::hangup(), hangup)?;
    Ok(Signals {
        stop: stop.1,
        reload: reload.1,
    })
}

fn forward(kind: SignalKind, sender: mpsc::Sender<()>) -> std::io::Result<()> {
    let mut signals = signal(kind)?;
    tokio::spawn(async move {
        while signals.recv().await.is_some() && sender.send(()).await.is_ok() {}
    });
    Ok(())
}

/// Returns `true` if the parent process ignored SIGHUP for this one, as `nohup` does. Known on Linux only.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & SIGHUP_BIT != 0)
}
