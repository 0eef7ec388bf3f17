//! The command line: what can be typed, and what `--help` says of it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::moving::{Emails, Format, Part};

/// User accounts and sign-in, in one binary.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Start with `doorward serve`: it needs nothing else.\nExit codes: 0 done, 1 failed, 2 wrongly called."
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
    #[command(after_help = "Example: doorward migrate status")]
    Migrate(MigrateArgs),
    /// Copy the embedded database into a new file, while the server goes on
    #[command(after_help = "Example: doorward backup /var/backups/doorward.db")]
    Backup(BackupArgs),
    /// Write all users with their password hashes into a file, for another store to take
    #[command(after_help = EXPORT_EXAMPLE)]
    Export(ExportArgs),
    /// Take users in from such a file, or from Django, Supabase, Keycloak or Firebase
    #[command(after_help = IMPORT_EXAMPLE)]
    Import(ImportArgs),
    /// Look after users from this machine
    #[command(subcommand, after_help = "Example: doorward user list --query ben")]
    User(UserCommand),
    /// Look after the keys that tokens are signed with
    #[command(subcommand, after_help = "Example: doorward keys rotate")]
    Keys(KeysCommand),
    /// Look at the configuration
    #[command(subcommand, after_help = "Example: doorward config show")]
    Config(ConfigCommand),
    /// Try every configured part, and say what is wrong and how to mend it
    #[command(
        after_help = "It changes nothing and sends no mail. Exit code 1 where something does not work.\nExample: doorward doctor --mail-to you@example.com"
    )]
    Doctor(DoctorArgs),
    /// Ask the server on this machine whether it lives; for containers, which have no curl
    #[command(after_help = "Example: doorward healthcheck --ready")]
    Healthcheck(HealthcheckArgs),
    /// Print the OpenAPI document
    #[command(after_help = "Example: doorward openapi > openapi.json")]
    Openapi,
}

const SERVE_EXAMPLE: &str = "Examples:
  DOORWARD_LISTEN=127.0.0.1:9000 doorward serve
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
    /// Run a throwaway server in memory, and print where it is as JSON
    #[arg(long)]
    pub ephemeral: bool,
}

/// `backup`
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The copy; nothing may be there yet
    pub file: PathBuf,
}

const EXPORT_EXAMPLE: &str = "Example: doorward export users.jsonl
One that was broken off goes on where it stopped when it is typed again.
Sessions, links, mails and the audit log stay. More: docs/MOVING.md";

/// `export`
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// A new file, for its owner alone; or - for standard output
    pub file: Option<PathBuf>,
}

const IMPORT_EXAMPLE: &str =
    "Example: doorward import users.json --format django --check --report report.jsonl
It can be typed again: whoever is in already counts as already there. More: docs/MOVING.md";

/// `import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The file, or - for standard input
    #[arg(default_value = "-")]
    pub file: PathBuf,
    /// Whose file it is, where that cannot be told
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Change nothing, and say what would become of everybody
    #[arg(long)]
    pub check: bool,
    /// Write into this file who was rejected or adapted, and why
    #[arg(long, visible_alias = "rejects", value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Exit with 0 even where somebody was rejected
    #[arg(long)]
    pub allow_rejects: bool,
    /// Take a user without this part where it cannot be taken; can be repeated
    #[arg(long, value_enum, value_name = "PART")]
    pub without: Vec<Part>,
    /// Whose addresses count as confirmed, in a file of another system
    #[arg(long, value_enum, default_value = "as-told")]
    pub emails: Emails,
    /// Whoever is an admin in the other system becomes one here
    #[arg(long)]
    pub admins: bool,
    /// The language of whoever has none in the other system
    #[arg(long, value_name = "TAG")]
    pub locale: Option<String>,
    /// What Firebase's console shows under “Password hash parameters”
    #[arg(long, value_name = "FILE")]
    pub firebase_hash_config: Option<PathBuf>,
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

/// `user`
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make a user that can sign in at once
    #[command(after_help = "Example: doorward user create --username ben --role admin")]
    Create(CreateUser),
    /// List users, oldest first
    List(ListUsers),
    /// Show one user
    Show(Named),
    /// Set a password; every session of the user ends
    SetPassword(SetPassword),
    /// Give or take the admin role
    Role(SetRole),
    /// Switch an account off; its sessions end
    Disable(Named),
    /// Switch an account back on
    Enable(Named),
    /// Delete a user for good
    Delete(Named),
}

/// Whom.
#[derive(Debug, Args)]
pub struct Named {
    /// A user name, an e-mail address or a user id
    pub user: String,
}

/// `user create`
#[derive(Debug, Args)]
pub struct CreateUser {
    /// Public and unique
    #[arg(long, required_unless_present = "email")]
    pub username: Option<String>,
    /// Taken as confirmed: you answer for it
    #[arg(long)]
    pub email: Option<String>,
    /// What to call the person
    #[arg(long)]
    pub name: Option<String>,
    /// What they may do
    #[arg(long, value_enum, default_value = "user")]
    pub role: RoleName,
    /// Read the password from standard input; without this one is made and shown once
    #[arg(long)]
    pub password_stdin: bool,
}

/// `user set-password`
#[derive(Debug, Args)]
pub struct SetPassword {
    /// A user name, an e-mail address or a user id
    pub user: String,
    /// Read the password from standard input; without this one is made and shown once
    #[arg(long)]
    pub password_stdin: bool,
}

/// `user role`
#[derive(Debug, Args)]
pub struct SetRole {
    /// A user name, an e-mail address or a user id
    pub user: String,
    /// What they may do
    #[arg(value_enum)]
    pub role: RoleName,
}

/// `user list`
#[derive(Debug, Args)]
pub struct ListUsers {
    /// Part of a user name, address or name
    #[arg(long)]
    pub query: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
}

/// A role.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum RoleName {
    /// Acts on themselves alone
    User,
    /// Looks after everybody
    Admin,
}

/// `keys`
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// List the keys, newest first
    List,
    /// Sign with a new key from now on; old tokens stay good until they expire
    Rotate,
}

/// `config`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Say whether the server would start with this configuration
    Check,
    /// Show every value and where it came from; secrets are masked
    Show,
}
