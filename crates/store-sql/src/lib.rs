//! The ports of the domain on SQLite, PostgreSQL and MySQL/MariaDB: one code path, one migration history.
//!
//! | file | contains |
//! | --- | --- |
//! | `store.rs` | the port, method by method |
//! | `records.rs` | the generic operations |
//! | `statements.rs` | the statements, made once from the declarations of the tables in the domain |
//! | `sweep.rs` | deleting expired rows in batches |
//! | `dialect/` | everything that differs between the databases |
//! | `pool.rs`, `transaction.rs`, `retry.rs` | connections, transactions, retries and time limits |
//! | `database_url.rs`, `connect.rs`, `diagnostics.rs` | the URL, the checks at start and for `doorward doctor` |
//! | `privileges.rs` | the privileges that a serving role needs |
//! | `migrations.rs` | the schema's history, and the lock around it |
//! | `arg.rs`, `columns.rs` | the values that can be bound and read |
//!
//! The store enforces uniqueness, versions and expiry, by constraint or by the condition of the write
//! itself, never by reading first. Every other rule of an account is the domain's.
//!
//! To add a column of a record: a migration, and its declaration in the domain. To write a store for another kind of
//! database: a crate beside this one that implements [`Store`], the macro of `doorward_testkit::contract` in its tests
//! against a real server, and its arms in `database.rs` of `crates/server`. The contract shows what to look out for:
//! conditions instead of reads, all or nothing, keys compared byte by byte.
//!
//! [`Store`]: doorward_domain::store::Store

mod arg;
mod backup;
mod columns;
mod connect;
mod database_url;
mod diagnostics;
mod dialect;
mod error;
mod hints;
mod migrations;
mod pool;
mod privileges;
mod records;
mod retry;
mod settings;
mod sqlite_file;
mod statements;
mod store;
mod sweep;
mod timeouts;
mod transaction;

pub use backup::{BackupError, back_up};
pub use connect::{migrate, migration_status};
pub use database_url::check_url;
pub use diagnostics::diagnose;
pub use error::ConnectError;
pub use settings::SqlSettings;
pub use store::SqlStore;

#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod tests;
