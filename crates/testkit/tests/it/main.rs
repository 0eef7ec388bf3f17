//! The contract on the in-memory store, the audit chain, and the lists of this crate.

#![cfg(test)]

mod audit_chain;
mod dedicated;
mod lending;
mod mapping;
mod memory;
mod queries;
