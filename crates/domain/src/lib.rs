//! Doorward's rules: accounts, sign-in, sessions, mail, keys, and who may do what.
//!
//! [`Accounts`] is the service that the web, the worker and the command line all call; its stories
//! stand in [`flows`], one file each. This crate does no HTTP, SQL or file access and has no clock
//! or chance of its own: all of that comes in through [`ports`].
//!
//! To add a story: a file under `flows/`, an [`access::Action`] where somebody must be allowed to,
//! an audit event where security is touched, tests against [`memory::MemoryStore`].

pub mod access;
mod accounts;
pub mod audit;
pub mod changes;
pub mod checkup;
pub mod ctx;
pub mod error;
pub mod fair;
pub mod flows;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod happening;
pub mod limits;
pub mod memory;
pub mod model;
mod outbox_room;
pub mod passwords;
pub mod policy;
pub mod ports;
mod readiness;
mod session_cache;
pub mod tokens;
pub mod values;
mod words;

pub use accounts::{Accounts, Ports};
pub use ctx::{Actor, Ctx};
pub use error::{Error, FieldError};
pub use policy::Policy;
