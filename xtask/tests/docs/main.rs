//! The pages that people read, tried: what stands in a fence runs or parses, links lead somewhere,
//! diagrams can be drawn.
//!
//! A page's `sh` blocks are one script, run from top to bottom in an empty folder against the binary
//! (`shell.rs`). One that cannot run here says so above its fence, in a comment that readers do not
//! see: `<!-- not run: needs Docker -->`. It is read instead (`unrun.rs`), and the test prints the
//! list. What the page says in words is run from `<!-- given: doorward migrate -->`, and not shown (`given.rs`).
//! Other languages are parsed (`formats.rs`); `<!-- not checked: … -->` says why one is not.
//!
//! It needs the binary, so `cargo build` first; `DOORWARD_TEST_PAGE=docs/QUICK-START.md cargo test -p xtask
//! --test docs` tries one page, and `-- --nocapture` shows what was run.

#![cfg(test)]

mod diagrams;
mod formats;
mod given;
mod lines;
mod links;
mod pages;
mod promises;
mod shell;
mod unrun;
