//! `doorward backup FILE`

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use doorward_domain::clock::Clock;
use doorward_domain::ctx::{Actor, Client, Ctx};
use doorward_domain::model::AuditKind;
use doorward_domain::store::Write;
use doorward_domain::values::AuditEventId;
use serde_json::json;

use crate::cli::output::Output;
use crate::cli::progress::ProgressReporter;
use crate::cli::stores::require_database;
use crate::config::Config;
use crate::database::Database;
use crate::system::{SystemClock, SystemRandomSource};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  doorward backup /var/backups/doorward.db")]
pub struct BackupArgs {
    /// Backup file; must not exist
    pub file: PathBuf,
}

pub(super) async fn run(config: &Config, args: &BackupArgs, output: Output) -> anyhow::Result<()> {
    require_database(config)?;
    let progress = ProgressReporter::working("Copying the database", output);
    let copied = Database::back_up(config, &args.file, async || {
        // Before an upgrade, the schema may be too old for the event.
        if let Err(error) = write_audit_event(config).await {
            eprintln!("the audit log has no event for this backup: {error:#}");
        }
    })
    .await;
    drop(progress);
    copied?;
    let file = args.file.display().to_string();
    let mut text = format!("Backed up the database to {file}.");
    if config.master_key.is_none() {
        let key = config.data_dir.join("master.key");
        text += &format!(
            "\nBack up {} as well, to another place: the server does not start without it, and with a new one, all users \
             sign in again and add their authenticator apps again.",
            key.display()
        );
    }
    output.print(&text, &json!({"file": file}))?;
    Ok(())
}

/// Adds an audit event before anything is copied, so that the copy contains it (L-01).
async fn write_audit_event(config: &Config) -> anyhow::Result<()> {
    let now = SystemClock::default().now();
    let id = AuditEventId::generate(now, &SystemRandomSource::new());
    let ctx = Ctx {
        actor: Actor::CommandLine,
        client: Client::default(),
        request_id: id.to_string(),
        now,
    };
    let event = ctx.audit_event(id, AuditKind::BackupTaken, None);
    let database = Database::open_existing(config).await?;
    let database = database.context("the database does not exist")?;
    let written = database.store().apply(vec![Write::insert(&event)]).await;
    database.close().await;
    Ok(written?)
}
