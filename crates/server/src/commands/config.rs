//! `doorward config`

use serde_json::{Map, json};

use super::Output;
use crate::cli::ConfigCommand;
use crate::config::{Loaded, SETTINGS};
use crate::wiring;

const MASK: &str = "(set)";

/// Loading has already refused what cannot be read; `check` tries what a start would make of it.
pub(super) fn run(loaded: &Loaded, command: &ConfigCommand, output: Output) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Check => {
            wiring::check(&loaded.config)?;
            output.print("The configuration is fine.", &json!({"ok": true}));
        }
        ConfigCommand::Show => show(loaded, output),
    }
    Ok(())
}

fn show(loaded: &Loaded, output: Output) {
    let mut lines = Vec::new();
    let mut values = Map::new();
    for setting in SETTINGS {
        let text = (setting.show)(&loaded.config);
        let shown = if setting.secret && !text.is_empty() {
            MASK.to_owned()
        } else {
            text
        };
        let origin = loaded
            .origins
            .get(setting.key)
            .map_or("default", String::as_str);
        lines.push(format!(
            "{:<26} {:<30} {origin}",
            setting.key,
            if shown.is_empty() { "-" } else { &shown }
        ));
        values.insert(
            setting.key.to_owned(),
            json!({"value": shown, "origin": origin, "variable": setting.also.map_or_else(|| setting.variable(), str::to_owned), "help": setting.help}),
        );
    }
    output.print(&lines.join("\n"), &values.into());
}
