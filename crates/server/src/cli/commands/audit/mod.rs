//! `doorward audit`: verify and export the audit log.

mod args;
mod export;
mod file;
mod lines;
mod verify;

use anyhow::Context;
use doorward_domain::audit::AuditSigner;
use serde_json::json;

pub use args::AuditCommand;
pub(super) use verify::VerificationFailed;

use crate::cli::output::Output;
use crate::cli::stores::{finish, open};
use crate::config::Config;
use crate::data_dir::master_key;

pub(super) async fn run(
    config: &Config,
    command: AuditCommand,
    output: Output,
) -> anyhow::Result<()> {
    match command {
        AuditCommand::Verify(args) => verify::run(config, &args, output).await,
        AuditCommand::Export(args) => {
            let components = open(config).await?;
            let exported = export::run(&components, &args, output).await;
            finish(&components).await;
            exported
        }
        AuditCommand::Key => {
            let master = master_key::find(config)?;
            let master =
                master.context("no master key found. Run this with the server's configuration")?;
            let key = AuditSigner::from_master_key(&master)
                .public_key()
                .to_string();
            output.print_unwrapped(&key, &json!({"public_key": key}))
        }
    }
}
