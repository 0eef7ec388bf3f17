//! The store against real databases: SQLite, PostgreSQL, MariaDB.

#![cfg(test)]

mod connect_errors;
mod connecting;
mod contract;
mod diagnostics;
mod faults;
mod schema;
mod tampering;
mod unusual_defaults;
