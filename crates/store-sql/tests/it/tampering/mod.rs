//! Rows that this version did not write: a tampered audit log, rows that cannot be parsed, and values of
//! a newer version. Written with SQL, on each database.

#[macro_use]
mod database;
mod events;
mod fixture;
mod newer_values;
mod unreadable_rows;
