//! The commands, one file or folder each, with their options and examples.
//!
//! To add a command: a file here, its `mod` line, its variant of [`Command`] and its arm in [`run`]. Its options have
//! at least one line under `Examples:`, which a test parses. `cli::groups` has its place in `--help`.

mod audit;
mod backup;
mod completions;
mod config;
mod doctor;
mod export;
mod healthcheck;
mod import;
mod init;
mod keys;
mod man;
mod migrate;
mod passwords;
pub mod serve;
mod user;

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Subcommand};

use super::Cli;
use super::confirmation::ConfirmationRequired;
use super::output::{Output, say};
use crate::config::{load, values_of};

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server
    Serve(serve::ServeArgs),
    /// Apply pending database migrations, or show their status
    Migrate(migrate::MigrateArgs),
    /// Back up the embedded database while the server runs
    Backup(backup::BackupArgs),
    /// Export all users with password hashes and second factors
    Export(export::ExportArgs),
    /// Import users from a Doorward export, or from Django, Supabase, Keycloak or Firebase
    Import(import::ImportArgs),
    /// Manage users
    #[command(subcommand)]
    User(user::UserCommand),
    /// Manage signing keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Manage the breached-password filter
    #[command(subcommand)]
    Passwords(passwords::PasswordsCommand),
    /// Verify or export the audit log
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Validate or show the configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Check every configured component and suggest fixes
    Doctor(doctor::DoctorArgs),
    /// Check that the local server is running (for container health checks)
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Print the OpenAPI document
    #[command(after_help = "Examples:\n  doorward openapi > openapi.json")]
    Openapi,
    /// Create a documented doorward.toml
    Init(init::InitArgs),
    /// Print shell completions
    Completions(completions::CompletionsArgs),
    /// Print the man page, or write all of them to a folder
    Man(man::ManArgs),
}

/// Runs a command. `file` is the configuration file that was passed.
pub async fn run(command: Command, file: Option<&Path>, output: Output) -> anyhow::Result<()> {
    let config = || load(file, None).map(|loaded| loaded.config);
    match command {
        Command::Serve(args) => serve::run(file, &args, output).await,
        Command::Migrate(args) => migrate::run(&config()?, &args, output).await,
        Command::Backup(args) => backup::run(&config()?, &args, output).await,
        Command::Export(args) => export::run(&config()?, &args, output).await,
        Command::Import(args) => import::run(&config()?, &args, output).await,
        Command::User(command) => user::run(&config()?, command, output).await,
        Command::Keys(command) => keys::run(&config()?, &command, output).await,
        Command::Audit(command) => audit::run(&config()?, command, output).await,
        Command::Healthcheck(args) => {
            // A demo runs with values that `serve` rejects, such as no public URL.
            let loaded = values_of(load(file, None))?;
            healthcheck::run(&loaded.config, &args, output).await
        }
        Command::Openapi => {
            let config = config()?;
            let min_length = config.policy.password_rules.min_length;
            let public_url = config.public_url(config.listen);
            let document = doorward_web::openapi_document_of(&public_url, min_length);
            say(&format!("{document:#}"))
        }
        // These report an invalid configuration themselves.
        Command::Config(command) => config::run(load(file, None), &command, output).await,
        Command::Doctor(args) => doctor::run(load(file, None), &args, output).await,
        // These need no configuration.
        Command::Init(args) => init::run(&args, file, output),
        Command::Passwords(command) => passwords::run(&command, output),
        Command::Completions(args) => completions::run(&args, Cli::command(), output),
        Command::Man(args) => man::run(&args, Cli::command(), output),
    }
}

/// Exit code of an error: 2 if `--yes` is missing, 3 if the verification of the audit log failed, else 1.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<ConfirmationRequired>() {
        ExitCode::from(2)
    } else if error.is::<audit::VerificationFailed>() {
        ExitCode::from(3)
    } else {
        ExitCode::FAILURE
    }
}
