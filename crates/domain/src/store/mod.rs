//! Records, and the operations of a store on them.
//!
//! A stored type declares its table beside its definition ([`Record`]): columns, key, unique columns, indexes. A store
//! executes generic operations on such tables and knows none of the types. [`Write`] is one operation of an atomic
//! batch, [`Query`] reads rows through a declared index.
//!
//! To add a record: its declaration and its SQL migration. No store changes. A test compares the declarations with
//! the schema of each database.

mod access;
mod error;
mod port;
mod query;
mod record;
mod row;
mod write;

pub use access::Records;
pub(crate) use access::readable;
pub use error::{ApplyError, StoreError};
pub use port::{Limits, ReadStore, Store};
pub use query::{Claim, Order, Query};
pub use record::{Column, Kind, Record, Table};
pub use row::{BadRow, Row, RowReader, Value};
pub use write::{Batch, Condition, Test, Write};
