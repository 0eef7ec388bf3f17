//! Test support: the contract of stores, records to store, and servers, clients and programs.
//!
//! - [`contract`]: the cases that each implementation of `Store`, `SeparateSessions` and `RateLimits` passes, run by
//!   macros from each store's own tests.
//! - [`fixtures`]: a user, a session, a link …, each of them unique; `sealing`: a sealed audit log.
//! - [`servers`]: PostgreSQL, MariaDB, Redis and the binary itself, started for the test run and removed after it;
//!   [`process`]: any other program; [`port`]: free ports.
//! - [`queries`]: the queries of the product.
//! - [`tools`]: programs from PyPI and npm that tests run, and cargo; [`newman`]: the collection.
//! - [`lambda`]: the Runtime API of AWS Lambda. [`http`]: an HTTP client; [`wait`]: waiting with a deadline; [`repeat`]: number of repetitions.
//! - [`browser`]: runs tests that are written for a browser.
//! - [`repository`]: the files in git.
//!
//! The clock and the random source of tests are the domain's: `doorward_domain::memory`. This crate depends on no
//! other crate of Doorward than the domain, so that a store's tests can use it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

pub mod audit_fixtures;
pub mod browser;
pub mod contract;
pub mod fixtures;
pub mod http;
pub mod lambda;
pub mod newman;
pub mod port;
pub mod process;
pub mod queries;
pub mod repeat;
pub mod repository;
pub mod servers;
pub mod tools;
pub mod wait;
