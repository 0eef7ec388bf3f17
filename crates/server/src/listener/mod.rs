//! The listener: connections, TLS, and how they come to their end.
//!
//! It knows no route and no rule; it is given a router. A file a thing: `accepting` takes
//! connections in and bounds them, `first_bytes` hurries the silent, `tls` and `certificate` are what
//! they sound like, and `drain` has the phases of the end.

mod accepting;
pub mod certificate;
pub mod drain;
mod first_bytes;
mod tls;

pub use accepting::{Door, MAX_CONNECTIONS, Owner, serve};
pub use tls::Tls;
