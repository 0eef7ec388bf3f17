//! Readers and writers of files with users: Doorward's own format and those of other systems.
//!
//! They parse and convert; `doorward_domain::transfer` decides which users are accepted, and the command
//! `import` of the server calls both. [`Source`] reads a file of any size, one user at a time. A format turns each
//! user into a `RawUser`, and `RawUser::finish` into a typed user or a rejection. This crate depends on the domain
//! only: no store, no command line.
//!
//! To add a system: a file with its `read`, an arm in each function of [`Format`], a row in `FORMATS` of
//! `crates/server/src/cli/commands/import/args.rs`, a fixture and its sign-ins in
//! `crates/server/tests/it/e2e/import`, a section in `docs/IMPORT.md`.

mod csv_reader;
mod django;
mod document;
pub mod doorward_format;
mod firebase;
mod format;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod hash_config;
mod json_fields;
mod keycloak;
mod notes;
mod options;
mod raw_user;
mod source;
mod supabase;
#[cfg(test)]
mod tests;
mod translation;

pub use format::Format;
pub use hash_config::read as read_hash_config;
pub use options::{EmailStatus, ImportOptions, UserField};
pub use source::{Location, Source};
pub use translation::{Conversion, ConvertedUser, ImportNote, Rejection};
