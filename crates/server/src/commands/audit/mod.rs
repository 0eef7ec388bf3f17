//! `doorward audit`: for whoever answers for the log, and for auditors.

mod export;
mod lines;
mod verify;

use anyhow::Context;
use doorward_domain::audit::AuditSigner;
use serde_json::json;

use super::{Output, open};
use crate::cli::AuditCommand;
use crate::config::Config;
use crate::master_key;

pub(super) async fn run(
    config: &Config,
    command: AuditCommand,
    output: Output,
) -> anyhow::Result<()> {
    match command {
        AuditCommand::Verify(args) => verify::run(config, &args, output).await,
        AuditCommand::Export(args) => {
            let wired = open(config).await?;
            let exported = export::run(&wired, &args, output).await;
            wired.close().await;
            exported
        }
        AuditCommand::Key => {
            let master = master_key::find(config)?;
            let master = master.context(
                "there is no master key here: run this where the server runs, with its configuration",
            )?;
            let key = AuditSigner::of(&master).public_key().to_string();
            output.print_as_it_is(&key, &json!({"public_key": key}))
        }
    }
}
