//! Doorward's rules: accounts, sign-in, sessions, mail, keys and authorization.
//!
//! [`Doorward`] holds the services that the web layer, the worker and the command line call. A service is a struct in a file
//! of its feature's folder. Its fields are what it can reach: ports, and objects such as `writer` or `access` that several
//! services need; [`Doorward::new`] builds them all. This crate does no HTTP, SQL or file access and has no clock or random
//! source of its own: they are passed in through [`ports`].
//!
//! A service takes the [`Ctx`] first, applies the rules and writes a batch. It does not parse requests or format
//! responses. A handler, a page and a command that need the same operation call the same method.
//!
//! To add an operation: a method of a service, an [`access::Action`] if it needs authorization, an `Event` if it is
//! security-relevant, and tests against [`memory::MemoryStore`].

pub mod access;
pub mod audit;
pub mod clock;
pub mod ctx;
pub mod deletion;
pub mod devices;
pub mod diagnostics;
mod doorward;
pub mod email;
pub mod error;
mod events;
pub mod factors;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod housekeeping;
pub mod invitation;
mod jobs;
pub mod keys;
pub mod limits;
mod links;
pub mod memory;
pub mod metric_event;
pub mod model;
pub mod nodes;
pub mod outbox;
pub mod passwords;
pub mod policy;
pub mod ports;
pub mod readiness;
pub mod reauthentication;
pub mod recovery;
pub mod sessions;
pub mod sign_in;
pub mod sign_up;
pub mod store;
mod string_enum;
pub mod totals;
pub mod transfer;
mod user_versions;
pub mod users;
pub mod values;
mod writer;

pub use ctx::{Actor, Ctx};
pub use doorward::Doorward;
pub use error::{Error, FieldError};
pub use policy::{FactorsRequired, Policy, SignUpPolicy};
pub use ports::Ports;
