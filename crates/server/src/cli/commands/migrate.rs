//! `doorward migrate [status]`

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::output::Output;
use crate::cli::progress::ProgressReporter;
use crate::cli::stores::require_database;
use crate::config::Config;
use crate::data_dir::master_key;
use crate::database::{Database, MigrationStatus};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  doorward migrate status\n  doorward migrate")]
pub struct MigrateArgs {
    /// Show applied and pending migrations
    #[arg(value_enum)]
    pub status: Option<MigrateAction>,
}

/// The word after `migrate`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum MigrateAction {
    /// Show applied and pending migrations
    Status,
}

pub(super) async fn run(config: &Config, args: &MigrateArgs, output: Output) -> anyhow::Result<()> {
    if args.status.is_none() {
        master_key::make_data_dir(&config.data_dir)?;
        let progress = ProgressReporter::working("Applying migrations", output);
        let made = Database::migrate(config).await;
        drop(progress);
        let made = made?;
        let text = match made.len() {
            0 => "The schema is up to date.".to_owned(),
            1 => format!("Applied 1 migration:\n{}", lines(&made)),
            count => format!("Applied {count} migrations:\n{}", lines(&made)),
        };
        output.print(
            &text,
            &json!({"applied": made.iter().map(value).collect::<Vec<_>>()}),
        )?;
        return Ok(());
    }
    require_database(config)?;
    let status = Database::status(config).await?;
    output.print(
        &lines(&status),
        &json!({"migrations": status.iter().map(value).collect::<Vec<_>>()}),
    )?;
    Ok(())
}

fn lines(migrations: &[MigrationStatus]) -> String {
    let line = |migration: &MigrationStatus| {
        let at = migration.applied_at.map_or_else(
            || "pending".to_owned(),
            |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        );
        format!("{:>4}  {:<40}  {at}", migration.version, migration.name)
    };
    migrations.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn value(migration: &MigrationStatus) -> serde_json::Value {
    json!({"version": migration.version, "name": migration.name, "applied_at": migration.applied_at.map(|at| at.to_string())})
}
