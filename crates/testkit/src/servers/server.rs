//! A server in a folder of its own, which ends with the process.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::supervisor::SupervisedServer;
use crate::port::Port;
use crate::wait::until;

/// A server in its folder. Dropping it kills it and deletes the folder.
pub(super) struct Server {
    pub(super) folder: PathBuf,
    /// Its port; `None` if it listens only on a socket in its folder.
    pub(super) port: Option<Port>,
    /// The signal for an orderly stop that does not wait for clients.
    pub(super) stop: &'static str,
    is_ready: Box<dyn Fn() -> Command + Send + Sync>,
    leash: Mutex<SupervisedServer>,
}

impl Server {
    /// Starts it, and waits until the command `is_ready` succeeds. `signal` ends the server with the test process.
    pub(super) fn start(
        folder: PathBuf,
        signal: &str,
        command: &Command,
        is_ready: impl Fn() -> Command + Send + Sync + 'static,
    ) -> Self {
        let server = Self {
            leash: Mutex::new(SupervisedServer::start(&folder, signal, command)),
            is_ready: Box::new(is_ready),
            port: None,
            stop: "TERM",
            folder,
        };
        server.wait_until_ready();
        server
    }

    pub(super) fn start_again(&self) {
        assert!(!self.leash().is_running(), "it was not stopped before");
        self.leash().start_again();
        self.wait_until_ready();
    }

    pub(super) fn stop(&self) {
        self.leash().signal(self.stop);
        self.leash().wait_for_end();
    }

    pub(super) fn kill(&self) {
        self.leash().signal_all("KILL");
    }

    fn wait_until_ready(&self) {
        until("the server is ready", || {
            let leash = self.leash();
            assert!(leash.is_running(), "the server ended: {}", leash.log());
            let answer = (self.is_ready)().output().ok()?;
            answer.status.success().then_some(())
        });
    }

    /// A test that failed while it held the lock has not broken the leash.
    pub(super) fn leash(&self) -> MutexGuard<'_, SupervisedServer> {
        self.leash.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a function that blocks.
pub(super) async fn blocking<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(act).await;
    done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
