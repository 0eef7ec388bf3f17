//! A server that a test may break: stop, kill, pause and start again, on its own port and data.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use super::server::{Server, blocking};
use crate::port::Port;

/// A handle on it. Clones share the server, which ends with the last of them.
#[derive(Clone)]
pub struct DedicatedServer(Arc<Server>);

impl DedicatedServer {
    /// `stop` is the signal for an orderly stop.
    pub(super) fn new(mut server: Server, port: Port, stop: &'static str) -> Self {
        (server.port, server.stop) = (Some(port), stop);
        Self(Arc::new(server))
    }

    /// Stops it as an operator would, without waiting for its clients, and waits until it has ended.
    pub async fn stop(&self) {
        self.act(Server::stop).await;
    }

    /// Sends SIGKILL to all its processes, as if its machine had lost power.
    pub async fn kill(&self) {
        self.act(Server::kill).await;
    }

    /// Sends SIGSTOP to all its processes: connections stay open and nothing responds.
    pub async fn pause(&self) {
        self.act(|server| server.leash().signal_all("STOP")).await;
    }

    /// Ends a pause.
    pub async fn resume(&self) {
        self.act(|server| server.leash().signal_all("CONT")).await;
    }

    /// Starts it again after `stop` or `kill`, on the same port and data, and waits until it responds.
    pub async fn start(&self) {
        self.act(Server::start_again).await;
    }

    /// `stop`, then `start`.
    pub async fn restart(&self) {
        self.stop().await;
        self.start().await;
    }

    /// The port it listens on, also while it is stopped.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port.as_ref().expect("it has one").number
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port()))
    }

    /// Its output so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.0.leash().log()
    }

    /// Runs a function that blocks.
    pub(super) async fn act<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Server) -> T + Send + 'static,
    ) -> T {
        let server = self.0.clone();
        blocking(move || act(&server)).await
    }
}

/// Clients that use all connections of a server. Dropping it ends them and their connections.
pub struct ConnectionHog {
    clients: Vec<Child>,
}

impl Drop for ConnectionHog {
    fn drop(&mut self) {
        for client in &mut self.clients {
            drop(client.stdin.take());
            client.wait().ok();
        }
    }
}

impl ConnectionHog {
    /// Starts clients, which read SQL and print fields, until one is rejected.
    pub(super) fn of(client: impl Fn() -> Command) -> Self {
        let mut house = Self {
            clients: Vec::new(),
        };
        loop {
            let mut command = client();
            command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null());
            let mut client = command.spawn().expect("a client starts");
            let mut input = client.stdin.take().expect("it was piped");
            // A rejected client may have ended already.
            let _ = input.write_all(b"SELECT 'in';\n");
            client.stdin = Some(input);
            let mut answer = String::new();
            let output = client.stdout.as_mut().expect("it was piped");
            BufReader::new(output)
                .read_line(&mut answer)
                .expect("a text");
            house.clients.push(client);
            if answer.trim() != "in" {
                return house;
            }
            assert!(house.clients.len() < 200, "this house is never full");
        }
    }
}
