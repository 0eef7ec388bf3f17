//! The listener: connections, TLS, the service manager, and how it all comes to its end.
//!
//! It knows no route and no rule; it is given a router. A file a thing: `accepting` takes connections
//! in and bounds them, `first_bytes` hurries the silent, `tls` shakes hands, `certificate` reads the
//! two files, `reloading` looks whether they have changed, `development` makes a pair for trying out,
//! `activation` and `notify` speak with systemd, `signals` hears, and `drain` has the
//! phases of the end.

mod accepting;
pub mod activation;
pub mod certificate;
pub mod development;
pub mod drain;
mod first_bytes;
pub mod notify;
pub mod reloading;
pub mod signals;
mod tls;

pub use accepting::{Door, MAX_CONNECTIONS, Owner, serve};
