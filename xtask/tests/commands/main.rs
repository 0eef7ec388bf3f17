//! The command line as other programs meet it: shells that complete it, readers of its man pages, the
//! package it comes in, and other people's test suites that start it.

#![cfg(test)]

mod completions;
mod man;
mod package;
mod suites;

use std::process::{Command, Output};

/// Runs it; its failure is the test's.
#[track_caller]
pub(crate) fn said(command: &mut Command) -> String {
    let output = outcome(command);
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
pub(crate) fn outcome(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}
