//! Signals of the operating system, as something to wait for.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// From here on, each signal of these kinds is passed on and does nothing else.
pub fn signals<const N: usize>(kinds: [SignalKind; N]) -> std::io::Result<mpsc::Receiver<()>> {
    let (sender, receiver) = mpsc::channel(1);
    for kind in kinds {
        let mut signals = signal(kind)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() && sender.send(()).await.is_ok() {}
        });
    }
    Ok(receiver)
}
