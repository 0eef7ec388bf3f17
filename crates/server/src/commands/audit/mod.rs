//! `doorward audit`: verify and export the audit log.

mod export;
mod file;
mod lines;
mod verify;

use anyhow::Context;
use doorward_domain::audit::AuditSigner;
use serde_json::json;

use super::{Output, finish, open};
use crate::cli::AuditCommand;
use crate::config::Config;
use crate::master_key;

/// The audit log was read and does not verify. The exit code differs from that of other errors.
#[derive(Debug)]
pub(super) struct VerificationFailed;

impl std::fmt::Display for VerificationFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("audit log verification failed")
    }
}

impl std::error::Error for VerificationFailed {}

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
            let key = AuditSigner::of(&master).public_key().to_string();
            output.print_unwrapped(&key, &json!({"public_key": key}))
        }
    }
}
