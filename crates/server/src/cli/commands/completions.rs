//! `doorward completions SHELL`

use anyhow::Context;
use clap::{Args, Command, ValueEnum};
use clap_complete::Shell;
use serde_json::json;

use crate::cli::output::Output;

const EXAMPLES: &str = "Examples:
  doorward completions bash > /etc/bash_completion.d/doorward
  doorward completions zsh > ~/.zfunc/_doorward
  doorward completions fish > ~/.config/fish/completions/doorward.fish
  doorward completions powershell > doorward.ps1";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: ShellName,
}

/// A shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShellName {
    /// GNU Bash
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
    /// `PowerShell`
    #[value(name = "powershell", help = "PowerShell")]
    PowerShell,
}

pub(super) fn run(args: &CompletionsArgs, mut root: Command, output: Output) -> anyhow::Result<()> {
    let shell = match args.shell {
        ShellName::Bash => Shell::Bash,
        ShellName::Zsh => Shell::Zsh,
        ShellName::Fish => Shell::Fish,
        ShellName::PowerShell => Shell::PowerShell,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut root, "doorward", &mut script);
    let script = String::from_utf8(script).context("the script is not UTF-8")?;
    let value = json!({"shell": shell.to_string(), "script": script});
    output.print_unwrapped(&script, &value)?;
    Ok(())
}
