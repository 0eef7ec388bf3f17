//! `doorward keys`

use doorward_domain::Error;
use doorward_domain::ctx::Actor;
use doorward_domain::flows::keys::KeysError;
use doorward_domain::model::SigningKey;
use serde_json::json;

use super::{Output, finish, open};
use crate::cli::{KeysCommand, RevokeKey};
use crate::config::Config;

pub(super) async fn run(
    config: &Config,
    command: &KeysCommand,
    output: Output,
) -> anyhow::Result<()> {
    let wired = open(config).await?;
    match command {
        KeysCommand::List => {
            let keys = wired.accounts.list_keys().await?;
            let text: Vec<_> = keys.iter().map(line).collect();
            let value: Vec<_> = keys
                .iter()
                .map(|key| json!({"kid": key.kid, "created_at": key.created_at, "retired_at": key.retired_at}))
                .collect();
            let text = if text.is_empty() {
                "There is no key yet; `doorward serve` makes one.".to_owned()
            } else {
                text.join("\n")
            };
            output.print(&text, &json!({"keys": value}))?;
        }
        KeysCommand::Rotate => {
            let kid = wired
                .accounts
                .rotate_keys(&wired.ctx(Actor::CommandLine))
                .await?;
            output.print(&format!("Sessions are signed with {kid} at once, audience tokens in ten minutes, when every service has it. A running server follows within a minute."), &json!({"kid": kid}))?;
        }
        KeysCommand::Revoke(RevokeKey { kid }) => {
            let ctx = wired.ctx(Actor::CommandLine);
            let signs = wired.accounts.revoke_key(&ctx, kid).await;
            let signs = signs.map_err(|error| said(error, kid))?;
            output.print(&format!("{kid} is revoked: all it has signed is refused, by every running server within a second, and by services that keep the JWKS within five minutes. Who was signed in with it signs in again. {signs} signs from now on."), &json!({"revoked": kid, "kid": signs}))?;
        }
    }
    finish(&wired).await;
    Ok(())
}

fn said(error: KeysError, kid: &str) -> anyhow::Error {
    match error {
        KeysError::Other(Error::NotFound) => {
            anyhow::anyhow!("there is no key {kid}; `doorward keys list` shows those there are")
        }
        other => other.into(),
    }
}

fn line(key: &SigningKey) -> String {
    let state = match key.retired_at {
        None => "signs".to_owned(),
        Some(at) => format!("retired {}", at.strftime("%Y-%m-%d %H:%M UTC")),
    };
    format!(
        "{:<18}  made {}  {state}",
        key.kid,
        key.created_at.strftime("%Y-%m-%d %H:%M UTC")
    )
}
