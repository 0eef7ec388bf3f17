//! The listener: connections, TLS, the service manager, and how it all comes to its end.
//!
//! It knows no route and no rule; it is given a router. A file a thing: `accepting` takes connections
//! in, `socket` bounds what the system keeps for one, `seats` bounds them and says who makes room, `seat` how long each is waited for (H-05), `refusing` turns away, `crowd` tells the log,
//! `gate` looks at what comes before hyper does and hurries who is slow, `passage` says what may be handed on, by
//! `head`, `chunks` and `frames` (H-13), `visiting` sees requests
//! come and go, `tls` shakes hands, `certificate` reads the two files, `reloading` looks whether they
//! have changed, `development` makes a pair for trying out, `activation` and `notify` speak with systemd,
//! `signals` hears, `drain` has the phases of the end, `tasks` what still runs then, `unread` takes in
//! what was answered before it was read, and `shortage` says when nobody can be taken in.

mod accepting;
pub mod activation;
pub mod certificate;
mod chunks;
mod crowd;
pub mod development;
pub mod drain;
mod frames;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod gate;
mod head;
#[cfg(test)]
mod heard;
pub mod notify;
mod passage;
mod refusing;
pub mod reloading;
mod seat;
mod seats;
pub mod shortage;
pub mod signals;
mod socket;
mod tasks;
mod tls;
mod unread;
mod visiting;

pub use accepting::{Door, Owner, serve};
pub use crowd::Why;
pub use refusing::Telling;
pub use seats::{Limits, Watch};
pub use socket::bound;
