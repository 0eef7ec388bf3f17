//! The server as its clients see it. The tree mirrors the URLs; `e2e` runs the binary itself.

#![cfg(test)]

mod e2e;
mod support;
mod users;
