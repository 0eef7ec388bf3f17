//! The supply chain, as far as the repository shows it: pins, workflows, the bill of materials, and forbidden
//! code. Checks that need the network or other sources are in `cargo xtask supply`.

#![cfg(test)]
mod code;
mod fuzzing;
mod pins;
mod sbom;
mod workflows;
