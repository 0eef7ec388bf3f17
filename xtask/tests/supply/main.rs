//! What a release is made of and how it is made, as far as the repository tells: pins, workflows, the bill
//! of materials, and what code of ours may not have in it. What needs the network or the sources of
//! others is `cargo xtask supply`.

#![cfg(test)]
mod bill;
mod code;
mod fuzzing;
mod pins;
mod workflows;
