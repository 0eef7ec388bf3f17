//! `doorward keys`

use clap::{Args, Subcommand};
use doorward_domain::Error;
use doorward_domain::ctx::Actor;
use doorward_domain::keys::KeysError;
use doorward_domain::model::SigningKey;
use serde_json::json;

use crate::cli::confirmation::Confirmation;
use crate::cli::output::Output;
use crate::cli::stores::{finish, open, require_database};
use crate::config::Config;
use crate::data_dir::master_key;
use crate::system::SystemRandomSource;

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  doorward keys rotate")]
pub enum KeysCommand {
    /// List the keys, newest first
    #[command(after_help = "Examples:\n  doorward keys list")]
    List,
    /// Create a new signing key; existing tokens stay valid until they expire
    #[command(after_help = ROTATE_EXAMPLE)]
    Rotate(Confirmation),
    /// Revoke a compromised key and reject all tokens it signed
    #[command(after_help = REVOKE_EXAMPLE)]
    Revoke(RevokeKeyArgs),
}

const ROTATE_EXAMPLE: &str = "Examples:
  doorward keys rotate

If the master key is lost, this creates a new one. It asks for confirmation then,
or requires --yes: all users have to sign in again, and to add their authenticator
apps again.";

const REVOKE_EXAMPLE: &str = "Examples:
  doorward keys revoke JzVvN7a0n5D9uRkX
  doorward keys revoke JzVvN7a0n5D9uRkX --yes

On a terminal it asks for confirmation. Without one, or with --json, it requires
--yes.

The key is removed from the JWKS within a second on every node. If it is the
current signing key, a new one replaces it. Users whose session token it signed
have to sign in again. Services that cache the JWKS accept its tokens until they
fetch it again: five minutes at most, by its Cache-Control header.";

#[derive(Debug, Args)]
pub struct RevokeKeyArgs {
    /// Key id, as shown by `keys list`
    // It is random base64url, so it may begin with a hyphen.
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    pub kid: String,
    #[command(flatten)]
    pub confirmation: Confirmation,
}

pub(super) async fn run(
    config: &Config,
    command: &KeysCommand,
    output: Output,
) -> anyhow::Result<()> {
    if let KeysCommand::Rotate(confirmation) = command {
        require_database(config)?;
        if master_key::find(config)?.is_none() {
            let file = master_key::path(&config.data_dir);
            let question = format!(
                "There is no master key. If the servers have one, set it here as well.\nIf it is lost, a new one can be created in {}.\nAll users then have to sign in again, and to add their authenticator apps again.\nCreate a new master key?",
                file.display()
            );
            confirmation.ask(&question, output)?;
        }
        master_key::load(config, &SystemRandomSource::new())?;
    }
    let components = open(config).await?;
    match command {
        KeysCommand::List => {
            let keys = components.doorward.keys.list().await?;
            let text: Vec<_> = keys.iter().map(line).collect();
            let value: Vec<_> = keys
                .iter()
                .map(|key| json!({"kid": key.kid, "created_at": key.created_at, "retired_at": key.retired_at}))
                .collect();
            let text = if text.is_empty() {
                "There are no keys yet; `doorward serve` creates one.".to_owned()
            } else {
                text.join("\n")
            };
            output.print(&text, &json!({"keys": value}))?;
        }
        KeysCommand::Rotate(_) => {
            let ctx = components.ctx(Actor::CommandLine);
            let kid = components.doorward.keys.rotate(&ctx).await?.key.kid;
            output.print(&format!("Created {kid}. Sessions use it at once, audience tokens in ten minutes, when every service has loaded it. Running servers load it within a minute."), &json!({"kid": kid}))?;
        }
        KeysCommand::Revoke(RevokeKeyArgs { kid, confirmation }) => {
            let keys = components.doorward.keys.list().await?;
            if !keys.iter().any(|key| key.kid == *kid) {
                return Err(unknown_key(kid));
            }
            let question = format!("Revoke {kid} and reject all tokens it signed?");
            confirmation.ask(&question, output)?;
            let ctx = components.ctx(Actor::CommandLine);
            let signs = components.doorward.keys.revoke(&ctx, kid).await;
            let signs = signs.map_err(|error| key_error(error, kid))?;
            output.print(&format!("Revoked {kid}. Running servers reject its tokens within a second, services that cache the JWKS within five minutes. Users that it signed in have to sign in again. New tokens are signed with {signs}."), &json!({"revoked": kid, "kid": signs}))?;
        }
    }
    finish(&components).await;
    Ok(())
}

fn key_error(error: KeysError, kid: &str) -> anyhow::Error {
    match error {
        KeysError::Other(Error::NotFound) => unknown_key(kid),
        other => other.into(),
    }
}

fn unknown_key(kid: &str) -> anyhow::Error {
    anyhow::anyhow!("there is no key {kid}. `doorward keys list` shows all keys")
}

fn line(key: &SigningKey) -> String {
    let state = match key.retired_at {
        None => "active".to_owned(),
        Some(at) => format!("retired {}", at.strftime("%Y-%m-%d %H:%M UTC")),
    };
    format!(
        "{:<18}  created {}  {state}",
        key.kid,
        key.created_at.strftime("%Y-%m-%d %H:%M UTC")
    )
}
