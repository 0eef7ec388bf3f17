//! Tests of the documentation: commands run, other blocks parse, links work, and diagrams can be drawn.
//!
//! A page's `sh` blocks are one script, run from top to bottom in an empty folder with the binary (`shell.rs`). A
//! block that cannot run here has a hidden comment above its fence: `<!-- not run: needs Docker -->`. It is
//! checked instead (`static_checks.rs`), and the test prints the list. Steps that the page describes in words are run from
//! `<!-- given: doorward migrate -->`, and are hidden (`hidden_setup.rs`). Other languages are parsed (`formats.rs`);
//! `<!-- not checked: … -->` has the reason for an exception.
//!
//! It needs the binary, so `cargo build --features aws` first; `DOORWARD_TEST_PAGE=docs/QUICK-START.md cargo test -p xtask --test
//! docs` tests one page, and `-- --nocapture` prints the commands.

#![cfg(test)]

mod command_lines;
mod diagrams;
mod expected_output;
mod formats;
mod hidden_setup;
mod links;
mod pages;
mod shell;
mod static_checks;
