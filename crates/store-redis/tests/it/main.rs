//! The store against real servers: Redis, a Cluster of it, Valkey.

#![cfg(test)]

mod cluster;
mod connecting;
mod contract;
mod diagnostics;
mod outages;
mod retention;
mod support;
