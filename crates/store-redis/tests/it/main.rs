//! The store against real servers: Redis, a Cluster of it, Valkey.

#![cfg(test)]

mod away;
mod cluster;
mod contract;
mod examine;
mod keeping;
mod reach;
mod support;
