//! The command line.
//!
//! `commands` has a file for each command. The rest is shared by several commands: `output` prints text or JSON,
//! `style` colours it, `text_wrap` wraps text, `progress` shows progress bars, `confirmation` asks before a change that cannot
//! be undone, `stores` opens the stores, `groups` arranges `--help`. Completions, the man pages and `docs/COMMAND-LINE.md` are
//! generated from the options.

mod commands;
mod confirmation;
mod groups;
mod output;
mod progress;
mod stores;
pub mod style;
pub mod text_wrap;

use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser};

use commands::Command;
use output::Output;
use text_wrap::WIDTH;

pub use commands::exit_code;
#[cfg(test)]
pub use commands::serve;

const OVERVIEW: &str = "Examples:
  doorward serve
  doorward user create --username ben --role admin
  doorward config check --json

`doorward COMMAND --help` explains a command. No setup required. Exit codes:
0 success, 1 failure, 2 usage error or missing --yes, 3 audit log verification
failed. With --json the output is JSON, and an error is one line of JSON on
standard error: {\"error\":\"…\"}. On a terminal the output has colours, unless
NO_COLOR is set.";

/// User accounts and sign-in, in one binary.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    term_width = WIDTH,
    after_help = OVERVIEW
)]
pub struct Cli {
    /// Configuration file (default: ./doorward.toml)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// The command
    #[command(subcommand)]
    command: Command,
}

impl Cli {
    /// Parses the arguments of this process.
    pub fn parse_arguments() -> Result<Self, clap::Error> {
        let mut command = command();
        let parsed =
            Self::from_arg_matches(&command.try_get_matches_from_mut(std::env::args_os())?);
        parsed.map_err(|error| error.format(&mut command))
    }

    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        let output = Output { json: self.json };
        commands::run(self.command, self.config.as_deref(), output).await
    }
}

/// The commands and options, with the commands of `--help` in groups.
fn command() -> clap::Command {
    groups::add_to(Cli::command())
}

#[cfg(test)]
mod tests {
    use doorward_testkit::repository::assert_generated;

    use super::*;

    /// All commands and groups, with the words that call them.
    fn commands() -> Vec<(String, clap::Command)> {
        fn walk(path: &str, command: &clap::Command, found: &mut Vec<(String, clap::Command)>) {
            found.push((path.to_owned(), command.clone()));
            for inner in command.get_subcommands() {
                walk(&format!("{path} {}", inner.get_name()), inner, found);
            }
        }
        let mut root = command().disable_help_subcommand(true);
        root.build();
        let mut found = Vec::new();
        walk("doorward", &root, &mut found);
        found
    }

    fn help(command: &clap::Command) -> String {
        let mut command = command.clone().term_width(WIDTH);
        command.render_long_help().to_string()
    }

    /// The lines below `Examples:`.
    fn examples(help: &str) -> Vec<&str> {
        let (_, rest) = help.split_once("Examples:\n").unwrap_or_default();
        rest.lines()
            .map_while(|line| line.strip_prefix("  "))
            .collect()
    }

    #[test]
    fn every_command_has_an_example_that_can_be_typed() {
        for (path, command) in commands() {
            let help = help(&command);
            let examples = examples(&help);
            assert!(!examples.is_empty(), "{path} has no example");
            for example in examples {
                // The command of Doorward in a pipe.
                let ours = example.split(" | ").find(|part| part.contains("doorward"));
                let words = ours
                    .unwrap_or_default()
                    .split_whitespace()
                    .skip_while(|word| word.contains('=') && !word.starts_with('-'))
                    .take_while(|word| !["|", ">", "<"].contains(word));
                let words: Vec<_> = words.collect();
                assert!(example.contains(&path), "{path}: {example}");
                if let Err(error) = Cli::try_parse_from(words) {
                    panic!("{example}: {error}");
                }
            }
        }
    }

    #[test]
    fn every_help_fits_a_terminal() {
        for (path, command) in commands() {
            let short = command.clone().term_width(WIDTH).render_help().to_string();
            for line in help(&command).lines().chain(short.lines()) {
                assert!(line.chars().count() <= WIDTH, "{path}: {line}");
            }
        }
    }

    /// The page is generated from the help texts.
    #[test]
    fn command_line_md_is_up_to_date() {
        let mut text = String::from(
            "# The command line\n\nThe `--help` of every command. `doorward man --out FOLDER` writes the same as man pages; `doorward completions SHELL` prints shell completions.\n",
        );
        for (path, command) in commands() {
            let help = help(&command);
            text += &format!("\n## {path}\n\n```text\n{}\n```\n", help.trim_end());
        }
        assert_generated("docs/COMMAND-LINE.md", &text);
    }
}
