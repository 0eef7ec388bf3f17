//! `doorward config`

use anyhow::bail;
use serde_json::{Map, json};

use super::Output;
use crate::cli::{ConfigCommand, WIDTH};
use crate::columns;
use crate::config::{Config, Loaded, Refused, SETTINGS, Setting, masked};
use crate::wiring;

/// Where values stand in a line.
const INDENT: usize = 36;

pub(super) fn run(
    loaded: anyhow::Result<Loaded>,
    command: &ConfigCommand,
    output: Output,
) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Check => match loaded {
            Ok(loaded) => tell(wiring::check(&loaded.config), output),
            Err(error) => refused(error, output),
        },
        ConfigCommand::Show => {
            // Where values do not go together, one wants to see them the more.
            let faulty = loaded.as_ref().err().and_then(|error| error.downcast_ref());
            let values = match &loaded {
                Ok(loaded) => Some(loaded),
                Err(_) => faulty.and_then(|refused: &Refused| refused.loaded.as_ref()),
            };
            if let Some(values) = values {
                show(values, output)?;
            }
            loaded.map(drop)
        }
    }
}

/// What is wrong, all of it: that is what was asked for. Loading has refused what cannot be read or does
/// not go together; this tries what a start would make of the rest.
fn refused(error: anyhow::Error, output: Output) -> anyhow::Result<()> {
    let mut refused = match error.downcast::<Refused>() {
        Ok(refused) => refused,
        Err(error) => return tell(vec![format!("{error:#}")], output),
    };
    if let Some(loaded) = &refused.loaded {
        let more = wiring::check(&loaded.config).into_iter();
        refused.faults.extend(more);
    }
    tell(refused.faults, output)
}

fn tell(faults: Vec<String>, output: Output) -> anyhow::Result<()> {
    if faults.is_empty() {
        let value = json!({"ok": true, "faults": []});
        output.print("The configuration is fine.", &value)?;
        return Ok(());
    }
    if output.json {
        output.print("", &json!({"ok": false, "faults": faults}))?;
        bail!("the configuration cannot be used");
    }
    bail!(Refused::unread(faults))
}

fn show(loaded: &Loaded, output: Output) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    let mut values = Map::new();
    for setting in SETTINGS {
        let shown = shown(setting, &loaded.config);
        let origin = loaded.origins.get(setting.key).map(String::as_str);
        lines.push(paragraph(setting.key, &shown, origin));
        values.insert(
            setting.key.to_owned(),
            json!({"value": shown, "origin": origin.unwrap_or("default"), "variable": setting.also.map_or_else(|| setting.variable(), str::to_owned), "secret": setting.secret, "help": setting.help}),
        );
    }
    output.print(&lines.join("\n"), &values.into())
}

fn shown(setting: &Setting, config: &Config) -> String {
    let text = (setting.show)(config);
    if setting.secret { masked(&text) } else { text }
}

/// The key and its value, and below where it came from, unless that is nowhere.
fn paragraph(key: &str, value: &str, origin: Option<&str>) -> String {
    let value = if value.is_empty() { "-" } else { value };
    let key = columns::padded(key, INDENT);
    let line = match origin {
        None => format!("{key}{value} (default)"),
        Some(_) => format!("{key}{value}"),
    };
    let line = columns::wrapped(&line, WIDTH, &" ".repeat(INDENT));
    match origin {
        None => line,
        Some(origin) => {
            let from = format!("    from {origin}");
            format!("{line}\n{}", columns::wrapped(&from, WIDTH, "      "))
        }
    }
}
