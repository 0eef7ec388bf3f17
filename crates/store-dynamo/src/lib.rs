//! The ports of the domain on Amazon DynamoDB: all records, sessions and rate limits in one table.
//!
//! | file | contains |
//! | --- | --- |
//! | `store.rs` | the port `Store`, method by method |
//! | `layout.rs` | the keys of rows, unique values and index entries, from the declarations of the tables in the domain |
//! | `item.rs` | rows as items |
//! | `operation.rs` | the operations of a transaction, and their expressions |
//! | `plan.rs` | a batch of the domain as operations of a transaction |
//! | `list.rs` | queries through indexes |
//! | `sessions.rs`, `rate_limits.rs` | the other ports |
//! | `client.rs` | requests: retries, time limits, errors |
//! | `schema.rs`, `entries.rs`, `diagnostics.rs` | the table, its settings, and the index entries of older rows |
//! | `url.rs` | the URL |
//!
//! The crate knows no record: a new one with an index changes nothing here. `docs/decisions/0046-dynamodb.md` has the
//! reasons for the keys, and what each operation costs.

mod client;
mod diagnostics;
mod entries;
mod item;
mod layout;
mod list;
mod operation;
mod plan;
mod rate_limits;
mod schema;
mod sessions;
mod store;
mod url;

pub use diagnostics::diagnose;
pub use rate_limits::DynamoRateLimits;
pub use schema::{OpenError, migrate, status};
pub use store::DynamoStore;
pub use url::{DynamoSettings, DynamoUrl};
