//! `doorward keys`

use doorward_domain::ctx::Actor;
use doorward_domain::model::SigningKey;
use serde_json::json;

use super::{Output, open};
use crate::cli::KeysCommand;
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
    }
    wired.close().await;
    Ok(())
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
