//! Asks before a command destroys something.

use std::io::{IsTerminal, stderr, stdin};

use anyhow::bail;
use clap::Args;

use super::output::Output;

// No doc comment: clap would make it the description of each command that has the option.
#[derive(Debug, Args)]
pub struct Confirmation {
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

impl Confirmation {
    /// Asks the question on the terminal, unless `--yes` was passed. Fails if the answer is not yes, and with
    /// [`ConfirmationRequired`] if there is no terminal to ask on.
    pub fn ask(&self, question: &str, output: Output) -> anyhow::Result<()> {
        if self.yes {
            return Ok(());
        }
        if output.json || !stdin().is_terminal() || !stderr().is_terminal() {
            bail!(ConfirmationRequired(question.to_owned()));
        }
        eprint!("{question} [y/N] ");
        let mut answer = String::new();
        stdin().read_line(&mut answer)?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => bail!("nothing was changed"),
        }
    }
}

/// A question that could not be asked, since there is no terminal or the output is JSON. A usage error.
#[derive(Debug)]
pub struct ConfirmationRequired(String);

impl std::fmt::Display for ConfirmationRequired {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let question = &self.0;
        write!(
            f,
            "{question} This needs a confirmation: pass --yes, or run the command on a terminal without --json"
        )
    }
}

impl std::error::Error for ConfirmationRequired {}
