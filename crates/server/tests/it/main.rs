//! The server as its clients see it. The tree mirrors the URLs; `e2e` runs the binary itself.

#![cfg(test)]

mod audit;
mod auth;
mod confirmation;
mod e2e;
mod operations;
mod password;
mod recovery;
mod sessions;
mod support;
mod users;
