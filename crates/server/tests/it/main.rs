//! The server as its clients see it. The tree mirrors the URLs; `e2e` runs the binary itself.

#![cfg(test)]

mod access_table;
mod audit;
mod auth;
mod body;
mod confirmation;
mod e2e;
mod headers;
mod inbox;
mod openapi;
mod operations;
mod pages;
mod password;
mod races;
mod recovery;
mod sessions;
mod stores;
mod support;
mod users;
