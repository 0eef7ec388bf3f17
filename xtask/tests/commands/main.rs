//! The command line as other programs meet it: shells that complete it, readers of its man pages, the
//! package it comes in, and other people's test suites that start it.

#![cfg(test)]

mod completions;
mod man;
mod package;
mod suites;

use std::process::{Command, Output};

use doorward_testkit::process::succeed;

/// Runs it, and gives what it says; its failure is the test's.
#[track_caller]
pub(crate) fn said(command: &mut Command) -> String {
    String::from_utf8(succeed(command).stdout).unwrap()
}

#[track_caller]
pub(crate) fn outcome(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}
