//! `doorward passwords`: the breached-password filter.

mod build_filter;

use super::Output;
use crate::cli::PasswordsCommand;

pub(super) fn run(command: &PasswordsCommand, output: Output) -> anyhow::Result<()> {
    match command {
        PasswordsCommand::BuildFilter(args) => build_filter::run(args, output),
    }
}
