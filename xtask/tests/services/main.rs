//! The examples of services beside Doorward, run as people would run them: each a process of its own,
//! with the library that it names, against the binary.
//!
//! Every test tries every example that believes audience tokens (`EXAMPLES` in `service`), so all of
//! them keep the same promises; `check` is about the one that asks. `issuer` is a Doorward whose private
//! key the test has: with it a token can be wrong in one thing and right in every other, and it can
//! answer what no Doorward does (`spoilt`).
//!
//! To add an example: its row in `EXAMPLES`. To add a way to forge a token: its row in `forged`.

#![cfg(test)]
mod agreement;
mod away;
mod caller;
mod check;
mod forged;
mod issuer;
mod rotation;
mod service;
mod snippet;
mod spoilt;
mod trust;

use doorward_testkit::http;
