//! The command line: commands, options and help texts.
//!
//! Completions, the man pages and `docs/COMMAND-LINE.md` are generated from it. To add a command, add a variant
//! with at least one line under `Examples:`, which a test parses, and a file under `commands/`. Large groups of
//! commands have a separate file here.

mod audit;
mod import;
mod user;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use audit::{AuditCommand, ExportAudit, VerifyAudit};
pub use import::{ExportArgs, ImportArgs};
pub use user::{CreateUser, DeleteUser, RoleName, SetPassword, UserCommand};

use import::{EXPORT_EXAMPLE, IMPORT_EXAMPLE};

/// Maximum width of printed text, in columns.
pub const WIDTH: usize = 80;

const OVERVIEW: &str = "Examples:
  doorward serve
  doorward user create --username ben --role admin
  doorward config check --json

No setup required. Exit codes: 0 success, 1 failure, 2 usage error, 3 audit log
verification failed. With --json the output is JSON, and an error is one line of
JSON on standard error: {\"error\":\"…\"}.";

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
    pub config: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// The command
    #[command(subcommand)]
    pub command: Command,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server
    #[command(after_help = SERVE_EXAMPLE)]
    Serve(ServeArgs),
    /// Apply pending database migrations, or show their status
    #[command(after_help = "Examples:\n  doorward migrate status\n  doorward migrate")]
    Migrate(MigrateArgs),
    /// Back up the embedded database while the server runs
    #[command(after_help = "Examples:\n  doorward backup /var/backups/doorward.db")]
    Backup(BackupArgs),
    /// Export all users with password hashes
    #[command(after_help = EXPORT_EXAMPLE)]
    Export(ExportArgs),
    /// Import users from a Doorward export, or from Django, Supabase, Keycloak or Firebase
    #[command(after_help = IMPORT_EXAMPLE)]
    Import(ImportArgs),
    /// Manage users
    #[command(
        subcommand,
        after_help = "Examples:\n  doorward user list --query ben\n  doorward user show ben@example.com"
    )]
    User(UserCommand),
    /// Manage signing keys
    #[command(subcommand, after_help = "Examples:\n  doorward keys rotate")]
    Keys(KeysCommand),
    /// Manage the breached-password filter
    #[command(subcommand, after_help = BUILD_FILTER_EXAMPLE)]
    Passwords(PasswordsCommand),
    /// Verify or export the audit log
    #[command(
        subcommand,
        after_help = "Examples:\n  doorward audit verify\n  doorward audit export audit.jsonl --since 2026-11-01T00:00:00Z"
    )]
    Audit(AuditCommand),
    /// Validate or show the configuration
    #[command(
        subcommand,
        after_help = "Examples:\n  doorward config show\n  doorward config check --json"
    )]
    Config(ConfigCommand),
    /// Check every configured component and suggest fixes
    #[command(
        after_help = "Examples:\n  doorward doctor --mail-to you@example.com\n\nIt changes nothing and sends no mail. Exit code 1 if a check failed."
    )]
    Doctor(DoctorArgs),
    /// Check that the local server is running (for container health checks)
    #[command(after_help = "Examples:\n  doorward healthcheck --ready")]
    Healthcheck(HealthcheckArgs),
    /// Print the OpenAPI document
    #[command(after_help = "Examples:\n  doorward openapi > openapi.json")]
    Openapi,
    /// Create a documented doorward.toml
    #[command(
        after_help = "Examples:\n  doorward init\n  doorward init /etc/doorward/doorward.toml\n  doorward init -"
    )]
    Init(InitArgs),
    /// Print shell completions
    #[command(after_help = COMPLETIONS_EXAMPLE)]
    Completions(CompletionsArgs),
    /// Print the man page, or write all of them to a folder
    #[command(
        after_help = "Examples:\n  doorward man | man -l -\n  doorward man --out /usr/local/share/man/man1"
    )]
    Man(ManArgs),
}

/// Examples of `serve`, and an explanation of in-memory servers.
pub const SERVE_EXAMPLE: &str = "Examples:
  DOORWARD_LISTEN=127.0.0.1:9000 doorward serve
  doorward serve --dev-tls
  doorward serve --ephemeral

An in-memory server (--ephemeral) is for the tests of other projects. It keeps
everything in memory, listens on a free loopback port, collects mail in its
inbox and does not throttle. It reads no file and only these environment
variables: DOORWARD_LISTEN, DOORWARD_ENUMERATION_PROTECTION,
DOORWARD_SIGN_UP__CONFIRM_EMAIL, DOORWARD_PASSWORD__MIN_LENGTH,
DOORWARD_THROTTLE__ENABLED, DOORWARD_ADMIN__PASSWORD, DOORWARD_ADMIN__EMAIL,
DOORWARD_LOG__FILTER, DOORWARD_LOG__FORMAT. When it is ready it prints one line
of JSON: url, inbox_url, admin, pid. It stops on SIGTERM, when the process that
started it ends, and when a standard input that was held open is closed.
See docs/integrate/testing.md";

/// `serve`
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Use TLS with a self-signed certificate (default address: `https://localhost:9443`)
    #[arg(long, conflicts_with = "ephemeral")]
    pub dev_tls: bool,
    /// Run an in-memory server for tests and print its address as JSON
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
    /// Output file (created with mode 0600), or - for standard output. Default: the file of --config, or
    /// doorward.toml
    pub file: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(long)]
    pub force: bool,
}

/// `completions`
#[derive(Debug, Args)]
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

/// `man`
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for each command to this folder
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

/// `backup`
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Backup file; must not exist
    pub file: PathBuf,
}

/// `migrate`
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Show applied and pending migrations
    #[arg(value_enum)]
    pub status: Option<MigrateWhat>,
}

/// The word after `migrate`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum MigrateWhat {
    /// Show applied and pending migrations
    Status,
}

/// `doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Recipient for the mail server check (default: the first admin)
    #[arg(long, value_name = "ADDRESS")]
    pub mail_to: Option<String>,
}

/// `healthcheck`
#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// Also check that its stores are available
    #[arg(long)]
    pub ready: bool,
}

/// `keys`
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// List the keys, newest first
    #[command(after_help = "Examples:\n  doorward keys list")]
    List,
    /// Create a new signing key; existing tokens stay valid until they expire
    #[command(after_help = "Examples:\n  doorward keys rotate")]
    Rotate,
    /// Revoke a compromised key and reject all tokens it signed
    #[command(after_help = REVOKE_EXAMPLE)]
    Revoke(RevokeKey),
}

const REVOKE_EXAMPLE: &str = "Examples:
  doorward keys revoke JzVvN7a0n5D9uRkX

The key is removed from the JWKS within a second on every node. If it is the
current signing key, a new one replaces it. Users whose session token it signed
have to sign in again. Services that cache the JWKS accept its tokens until they
fetch it again: five minutes at most, by its Cache-Control header.";

/// `keys revoke`
#[derive(Debug, Args)]
pub struct RevokeKey {
    /// Key id, as shown by `keys list`
    // It is random base64url, so it may begin with a hyphen.
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    pub kid: String,
}

/// `passwords`
#[derive(Debug, Subcommand)]
pub enum PasswordsCommand {
    /// Build the filter from the Pwned Passwords list
    #[command(after_help = BUILD_FILTER_EXAMPLE)]
    BuildFilter(BuildFilterArgs),
}

/// `passwords build-filter`
#[derive(Debug, Args)]
pub struct BuildFilterArgs {
    /// Pwned Passwords list with SHA-1 hashes, sorted by hash: a file, a folder of ranges, or -
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// Filter to write; an existing filter is replaced once the new one is complete
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Minimum number of occurrences
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub min_count: u64,
    /// Accept an incomplete list
    #[arg(long)]
    pub allow_partial: bool,
}

/// Where the list comes from, and the size of the filter.
pub const BUILD_FILTER_EXAMPLE: &str = "Examples:
  doorward passwords build-filter --from pwnedpasswords.txt --to breached.bin
  doorward passwords build-filter --from hashes/ --to seen.bin --min-count 10
  zcat list.gz | doorward passwords build-filter --from - --to breached.bin

haveibeenpwned-downloader downloads the list as one file, or (-s false) as a
folder of ranges. A complete list has hashes in each of its 1,048,576 ranges;
an incomplete one is rejected unless you pass --allow-partial.

The filter takes eight bytes for each password. Set `password.breached_filter`
to its path; the server then rejects new passwords that are in it.";

/// `config`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Validate the configuration
    #[command(
        after_help = "Examples:\n  doorward config check\n  doorward config check --config /etc/doorward/doorward.toml --json"
    )]
    Check,
    /// Show all values with their source (secrets are masked)
    #[command(after_help = "Examples:\n  doorward config show\n  doorward config show --json")]
    Show,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory;

    use super::*;

    /// All commands and groups, with the words that call them.
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

    /// `docs/COMMAND-LINE.md` is generated from the help texts. Run with `BLESS=1` to update it.
    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "a test that may write the document asks whether it shall"
    )]
    fn the_document_has_every_command() {
        let mut text = String::from(
            "# The command line\n\nThe `--help` of every command. `doorward man --out FOLDER` writes the same as man pages; `doorward completions SHELL` prints shell completions.\n",
        );
        for (path, command) in commands() {
            let help = help(&command);
            text += &format!("\n## {path}\n\n```text\n{}\n```\n", help.trim_end());
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/COMMAND-LINE.md");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            stored == text,
            "docs/COMMAND-LINE.md differs from the command line: run `BLESS=1 cargo test -p doorward cli`"
        );
    }
}
