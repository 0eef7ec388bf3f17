//! The listener: accepts connections, serves HTTP with hyper, and stops gracefully.
//!
//! It gets a router and depends on no route and no rule. hyper parses and frames HTTP (RFC 9112, RFC 9113).
//! [`server`] accepts and serves, [`limits`] counts connections and requests (H-05), `tls` does handshakes,
//! `certificate` reads certificate files, `reloading` reloads them, `development` creates a self-signed pair,
//! `lingering_close` closes connections, `bind` opens sockets, `activation` takes them from systemd, `notify` reports to
//! systemd, `signals` receives signals, and `drain` has the phases of a stop.

pub mod activation;
mod bind;
#[cfg(test)]
mod captured_logs;
pub mod certificate;
pub mod development;
pub mod drain;
pub mod file_descriptors;
mod limits;
mod lingering_close;
pub mod notify;
pub mod reloading;
mod server;
pub mod signals;
mod tls;

pub use bind::bind;
pub use limits::{ConnectionLimits, RejectReason};
pub use server::{ConnectionObserver, Listener, SocketOwner, is_connection_error, serve};
