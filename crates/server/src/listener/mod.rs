//! The listener: accepts connections, serves HTTP with hyper, and stops gracefully.
//!
//! It gets a router and depends on no route and no rule. hyper parses and frames HTTP (RFC 9112, RFC 9113).
//! [`server`] accepts and serves, [`limits`] counts connections and requests (H-05), `lingering_close` closes connections,
//! `bind` opens sockets, `activation` takes them from systemd, `service_manager` reports to systemd, `signals` receives
//! signals, and `shutdown` has the phases of a stop. TLS is in `tls`.

pub mod activation;
mod bind;
pub mod file_descriptors;
mod limits;
pub mod lingering_close;
mod server;
pub mod service_manager;
pub mod shutdown;
pub mod signals;

pub use bind::bind;
pub use limits::{ConnectionLimits, RejectReason};
pub use server::{ConnectionObserver, Listener, SocketOwner, serve};
