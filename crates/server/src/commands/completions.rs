//! `doorward completions SHELL`

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

use super::Output;
use crate::cli::{Cli, CompletionsArgs, ShellName};

pub(super) fn run(args: &CompletionsArgs, output: Output) -> anyhow::Result<()> {
    let shell = match args.shell {
        ShellName::Bash => Shell::Bash,
        ShellName::Zsh => Shell::Zsh,
        ShellName::Fish => Shell::Fish,
        ShellName::PowerShell => Shell::PowerShell,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "doorward", &mut script);
    let script = String::from_utf8(script).context("the script is not UTF-8")?;
    let value = json!({"shell": shell.to_string(), "script": script});
    output.print_unwrapped(&script, &value)?;
    Ok(())
}
