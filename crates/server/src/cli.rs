//! The command line: what can be typed, and what `--help` says of it.
//!
//! Completions, the man pages and `docs/COMMAND-LINE.md` are made of it. To add a command: a variant
//! with at least one line under `Examples:`, which a test parses, and a file under `commands/`. Groups
//! with much to type have a file of their own here.

mod audit;
mod moving;
mod user;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use audit::{AuditCommand, ExportAudit, VerifyAudit};
pub use moving::{ExportArgs, ImportArgs};
pub use user::{CreateUser, RoleName, SetPassword, UserCommand};

use moving::{EXPORT_EXAMPLE, IMPORT_EXAMPLE};

/// No line that is printed for people is longer.
pub const WIDTH: usize = 80;

const OVERVIEW: &str = "Examples:
  doorward serve
  doorward user create --username ben --role admin
  doorward config check --json

It needs nothing else to begin with. Exit codes: 0 done, 1 failed, 2 wrongly
called. With --json the answer is JSON on standard output, and an error is one
line of JSON on standard error: {\"error\":\"…\"}.";

/// User accounts and sign-in, in one binary.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    // As wide as every terminal is.
    term_width = WIDTH,
    after_help = OVERVIEW
)]
pub struct Cli {
    /// Read this file instead of ./doorward.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Answer in JSON, for programs
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server
    #[command(after_help = SERVE_EXAMPLE)]
    Serve(ServeArgs),
    /// Bring the database's schema up to date, or say how it stands
    #[command(after_help = "Examples:\n  doorward migrate status\n  doorward migrate")]
    Migrate(MigrateArgs),
    /// Copy the embedded database into a new file, while the server goes on
    #[command(after_help = "Examples:\n  doorward backup /var/backups/doorward.db")]
    Backup(BackupArgs),
    /// Write all users with their password hashes into a file, for another store to take
    #[command(after_help = EXPORT_EXAMPLE)]
    Export(ExportArgs),
    /// Take users in from such a file, or from Django, Supabase, Keycloak or Firebase
    #[command(after_help = IMPORT_EXAMPLE)]
    Import(ImportArgs),
    /// Look after users from this machine
    #[command(
        subcommand,
        after_help = "Examples:\n  doorward user list --query ben\n  doorward user show ben@example.com"
    )]
    User(UserCommand),
    /// Look after the keys that tokens are signed with
    #[command(subcommand, after_help = "Examples:\n  doorward keys rotate")]
    Keys(KeysCommand),
    /// Know which passwords are known from breaches elsewhere
    #[command(subcommand, after_help = BUILD_FILTER_EXAMPLE)]
    Passwords(PasswordsCommand),
    /// Check the audit log against its seals, or write it out for an auditor
    #[command(
        subcommand,
        after_help = "Examples:\n  doorward audit verify\n  doorward audit export audit.jsonl --since 2026-11-01T00:00:00Z"
    )]
    Audit(AuditCommand),
    /// Look at the configuration
    #[command(
        subcommand,
        after_help = "Examples:\n  doorward config show\n  doorward config check --json"
    )]
    Config(ConfigCommand),
    /// Try every configured part, and say what is wrong and how to mend it
    #[command(
        after_help = "Examples:\n  doorward doctor --mail-to you@example.com\n\nIt changes nothing and sends no mail. Exit code 1 where something does not work."
    )]
    Doctor(DoctorArgs),
    /// Ask the server on this machine whether it lives; for containers, which have no curl
    #[command(after_help = "Examples:\n  doorward healthcheck --ready")]
    Healthcheck(HealthcheckArgs),
    /// Print the OpenAPI document
    #[command(after_help = "Examples:\n  doorward openapi > openapi.json")]
    Openapi,
    /// Write a doorward.toml with every setting, its meaning and its default
    #[command(
        after_help = "Examples:\n  doorward init\n  doorward init /etc/doorward/doorward.toml\n  doorward init -"
    )]
    Init(InitArgs),
    /// Print what a shell needs to complete these commands
    #[command(after_help = COMPLETIONS_EXAMPLE)]
    Completions(CompletionsArgs),
    /// Print the man page, or write one for each command
    #[command(
        after_help = "Examples:\n  doorward man | man -l -\n  doorward man --out /usr/local/share/man/man1"
    )]
    Man(ManArgs),
}

/// The examples of `serve`, and what a throwaway server is.
pub const SERVE_EXAMPLE: &str = "Examples:
  DOORWARD_LISTEN=127.0.0.1:9000 doorward serve
  doorward serve --dev-tls
  doorward serve --ephemeral

A throwaway server (--ephemeral) is for the tests of other projects. Everything
is in memory, on a free port of loopback, mail in its inbox, throttles off. It
reads no file and obeys no DATABASE_URL: of the environment only these count,
by these names: DOORWARD_LISTEN, DOORWARD_DISCLOSURE,
DOORWARD_PASSWORD__MIN_LENGTH, DOORWARD_THROTTLE__ENABLED,
DOORWARD_ADMIN__PASSWORD, DOORWARD_ADMIN__EMAIL, DOORWARD_LOG__FILTER,
DOORWARD_LOG__FORMAT. When it is ready it prints one line of JSON: url,
inbox_url, admin, pid. It ends by SIGTERM, with the process that started it, and
when a standard input that was held open is closed. More:
docs/integrate/testing.md";

/// `serve`
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Speak TLS with a certificate made for this machine, on `https://localhost:9443` unless `listen` is set
    #[arg(long, conflicts_with = "ephemeral")]
    pub dev_tls: bool,
    /// Run a throwaway server in memory, and print where it is as JSON
    #[arg(long)]
    pub ephemeral: bool,
}

const COMPLETIONS_EXAMPLE: &str = "Examples:
  doorward completions bash > /etc/bash_completion.d/doorward
  doorward completions zsh > ~/.zfunc/_doorward
  doorward completions fish > ~/.config/fish/completions/doorward.fish
  doorward completions powershell > doorward.ps1";

/// `init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// A new file, for its owner alone; or - for standard output. Without it, the one of --config, or
    /// doorward.toml
    pub file: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long)]
    pub force: bool,
}

/// `completions`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// For which shell
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

/// `man`
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for each command into this folder
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

/// `backup`
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The copy; nothing may be there yet
    pub file: PathBuf,
}

/// `migrate`
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Only say what has been applied and what is pending
    #[arg(value_enum)]
    pub status: Option<MigrateWhat>,
}

/// The word after `migrate`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum MigrateWhat {
    /// Say how it stands
    Status,
}

/// `doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Ask the mail server whether it takes mail for this address; without it, for the first admin's
    #[arg(long, value_name = "ADDRESS")]
    pub mail_to: Option<String>,
}

/// `healthcheck`
#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// Ask whether its stores answer too
    #[arg(long)]
    pub ready: bool,
}

/// `keys`
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// List the keys, newest first
    #[command(after_help = "Examples:\n  doorward keys list")]
    List,
    /// Sign with a new key: sessions at once, audience tokens in ten minutes; old tokens stay good until they expire
    #[command(after_help = "Examples:\n  doorward keys rotate")]
    Rotate,
    /// A key may be in other hands: refuse all it has signed, on every node within a second
    #[command(after_help = REVOKE_EXAMPLE)]
    Revoke(RevokeKey),
}

const REVOKE_EXAMPLE: &str = "Examples:
  doorward keys revoke JzVvN7a0n5D9uRkX

The key leaves the JWKS, and where it is the one that signs, a new one takes
over. Whoever is signed in with a token of that key signs in again. Services
that keep the JWKS believe its tokens until they fetch it anew: five minutes,
by what the answer allows them.";

/// `keys revoke`
#[derive(Debug, Args)]
pub struct RevokeKey {
    /// The key, as `keys list` names it
    // Chance writes it, in base64url: it may begin with a hyphen.
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    pub kid: String,
}

/// `passwords`
#[derive(Debug, Subcommand)]
pub enum PasswordsCommand {
    /// Make the file of breached passwords out of the public list
    #[command(after_help = BUILD_FILTER_EXAMPLE)]
    BuildFilter(BuildFilterArgs),
}

/// `passwords build-filter`
#[derive(Debug, Args)]
pub struct BuildFilterArgs {
    /// The list of Pwned Passwords with SHA-1 hashes, sorted by hash: a file, a folder of ranges, or -
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// The file to write, or to replace once the new one is whole
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Leave out what was seen less often than so many times
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub min_count: u64,
    /// Take a list that is not the whole public one, on purpose
    #[arg(long)]
    pub partial: bool,
}

/// Where the list comes from, and how big the file gets.
pub const BUILD_FILTER_EXAMPLE: &str = "Examples:
  doorward passwords build-filter --from pwnedpasswords.txt --to breached.bin
  doorward passwords build-filter --from hashes/ --to seen.bin --min-count 10
  zcat list.gz | doorward passwords build-filter --from - --to breached.bin

The list is public: haveibeenpwned-downloader fetches it as one file, or (-s
false) as a folder of ranges. It has hashes in each of 1,048,576 ranges; one
that has not was cut on its way, and is refused unless you say --partial.

The file takes two bytes and a half a password, and 8 MB; building it takes
minutes and some 20 MB of memory. The server reads it where
`password.breached_filter` says, and refuses new passwords in it.";

/// `config`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Say whether the server would start with this configuration
    #[command(
        after_help = "Examples:\n  doorward config check\n  doorward config check --config /etc/doorward/doorward.toml --json"
    )]
    Check,
    /// Show every value and where it came from; secrets are masked
    #[command(after_help = "Examples:\n  doorward config show\n  doorward config show --json")]
    Show,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory;

    use super::*;

    /// Every command there is, groups as well, with the words that lead to it.
    fn commands() -> Vec<(String, clap::Command)> {
        fn walk(path: &str, command: &clap::Command, found: &mut Vec<(String, clap::Command)>) {
            found.push((path.to_owned(), command.clone()));
            for inner in command.get_subcommands() {
                walk(&format!("{path} {}", inner.get_name()), inner, found);
            }
        }
        let mut root = Cli::command().disable_help_subcommand(true);
        root.build();
        let mut found = Vec::new();
        walk("doorward", &root, &mut found);
        found
    }

    fn help(command: &clap::Command) -> String {
        let mut command = command.clone().term_width(WIDTH);
        command.render_long_help().to_string()
    }

    /// What stands under `Examples:`.
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
                // Ours of the commands in a pipe.
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

    /// `docs/COMMAND-LINE.md` is this, written out. Run with `BLESS=1` to write it anew.
    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "a test that may write the document asks whether it shall"
    )]
    fn the_document_has_every_command() {
        let mut text = String::from(
            "# The command line\n\nWhat `--help` says of every command, in one place. `doorward man --out FOLDER` writes the same as man pages, `doorward completions SHELL` completes it.\n",
        );
        for (path, command) in commands() {
            let help = help(&command);
            text += &format!("\n## {path}\n\n```text\n{}\n```\n", help.trim_end());
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/COMMAND-LINE.md");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == text,
            "docs/COMMAND-LINE.md differs from the command line: run `BLESS=1 cargo test -p doorward cli`"
        );
    }
}
