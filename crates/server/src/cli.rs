//! The command line: what can be typed, and what `--help` says of it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    #[command(after_help = "Example: DOORWARD_LISTEN=127.0.0.1:9000 doorward serve")]
    Serve,
    /// Bring the database's schema up to date, or say how it stands
    #[command(after_help = "Example: doorward migrate status")]
    Migrate(MigrateArgs),
    /// Copy the embedded database into a new file, while the server goes on
    #[command(after_help = "Example: doorward backup /var/backups/doorward.db")]
    Backup(BackupArgs),
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
