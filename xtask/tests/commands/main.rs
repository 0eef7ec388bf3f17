//! The command line in other programs: shells that complete it, readers of its man pages, the package, and other
//! projects' test suites that start it.

#![cfg(test)]

mod completions;
mod external_suites;
mod features;
mod man;
mod package;

use std::process::{Command, Output};

use doorward_testkit::process::succeed;

/// Runs a command that must succeed, and returns its output.
#[track_caller]
pub(crate) fn stdout_of(command: &mut Command) -> String {
    String::from_utf8(succeed(command).stdout).unwrap()
}

#[track_caller]
pub(crate) fn outcome(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}
