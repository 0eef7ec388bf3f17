//! The listener: connections, TLS, the service manager, and how it all comes to its end.
//!
//! It knows no route and no rule; it is given a router. A file a thing: `accepting` takes connections
//! in and bounds them, `first_bytes` hurries the silent, `tls` shakes hands, `certificate` reads the
//! two files, `reloading` looks whether they have changed, `development` makes a pair for trying out,
//! `activation` and `notify` speak with systemd, `signals` hears, `drain` has the phases of the end,
//! `tasks` what still runs then, `unread` takes in what was answered before it was read, and `shortage`
//! says when nobody can be taken in.

mod accepting;
pub mod activation;
pub mod certificate;
pub mod development;
pub mod drain;
mod first_bytes;
#[cfg(test)]
mod heard;
pub mod notify;
pub mod reloading;
pub mod shortage;
pub mod signals;
mod tasks;
mod tls;
mod unread;

pub use accepting::{Door, MAX_CONNECTIONS, Owner, serve};
