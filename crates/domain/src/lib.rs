//! Doorward's rules: accounts, sign-in, sessions, mail, keys and authorization.
//!
//! [`Accounts`] is the service that the web layer, the worker and the command line call. Its flows are in
//! [`flows`], one file each. This crate does no HTTP, SQL or file access and has no clock or random source of its
//! own: they are passed in through [`ports`].
//!
//! To add a flow: a file under `flows/`, an [`access::Action`] if it needs authorization, an audit event if it is
//! security-relevant, and tests against [`memory::MemoryStore`].

pub mod access;
mod accounts;
pub mod audit;
pub mod changes;
pub mod checkup;
pub mod ctx;
pub mod error;
pub mod flows;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod limits;
pub mod memory;
pub mod metric_event;
pub mod model;
mod outbox_room;
pub mod passwords;
pub mod policy;
pub mod ports;
mod readiness;
mod session_cache;
pub mod store;
pub mod tokens;
pub mod values;
mod words;

pub use accounts::{Accounts, Ports};
pub use ctx::{Actor, Ctx};
pub use error::{Error, FieldError};
pub use policy::Policy;
