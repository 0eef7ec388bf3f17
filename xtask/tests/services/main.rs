//! The example services, run as users would run them: each as a separate process, with its library, against the
//! binary.
//!
//! Every test runs every example that verifies audience tokens (`EXAMPLES` in `service`), so they have the same
//! guarantees; `check` tests the one that calls Doorward, and `notes` the
//! two with an application. `issuer` is a Doorward with a known private key: with it
//! a token can have a single defect, and the issuer can send invalid responses (`bad_jwks`).
//!
//! To add an example: its row in `EXAMPLES`. To add a way to forge a token: its row in `forged`.

#![cfg(test)]
mod account;
mod bad_jwks;
mod check;
mod forged;
mod issuer;
mod notes;
mod outages;
mod rotation;
mod service;
mod snippet;
mod trust;
mod versions;

use doorward_testkit::http;
