//! `doorward config`

use anyhow::bail;
use serde_json::{Map, json};

use super::Output;
use crate::cli::{ConfigCommand, WIDTH};
use crate::columns;
use crate::config::{Config, Loaded, Refused, SETTINGS, Setting, masked};
use crate::wiring::{self, KeptPasswords};

/// Where values stand in a line.
const INDENT: usize = 36;

pub(super) async fn run(
    loaded: anyhow::Result<Loaded>,
    command: &ConfigCommand,
    output: Output,
) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Check => check(loaded).await.tell(output),
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

/// What a check has found.
#[derive(Default)]
struct Checked {
    faults: Vec<String>,
    /// What could not be looked at, and is no fault.
    unseen: Vec<String>,
    /// What a start only warns of.
    warnings: Vec<String>,
}

/// What is wrong, all of it: that is what was asked for. Loading has refused what cannot be read or does
/// not go together; this tries what a start would make of the rest.
async fn check(loaded: anyhow::Result<Loaded>) -> Checked {
    let mut checked = Checked::default();
    let loaded = match loaded.map_err(anyhow::Error::downcast::<Refused>) {
        Ok(loaded) => Some(loaded),
        Err(Ok(refused)) => {
            checked.faults = refused.faults;
            refused.loaded
        }
        Err(Err(error)) => {
            checked.faults.push(format!("{error:#}"));
            None
        }
    };
    let Some(Loaded { config, .. }) = loaded else {
        return checked;
    };
    checked.faults.extend(wiring::check(&config));
    checked.warnings = config.warnings();
    match wiring::look_for_peppers(&config).await {
        KeptPasswords::Fine => {}
        KeptPasswords::Fault(fault) => checked.faults.push(fault),
        KeptPasswords::NotSeen(reason) => checked.unseen.push(format!(
            "whether the passwords that are kept can be verified with the peppers that are set: {reason}"
        )),
    }
    checked
}

impl Checked {
    fn tell(self, output: Output) -> anyhow::Result<()> {
        let Self {
            faults,
            unseen,
            warnings,
        } = self;
        if !faults.is_empty() && !output.json {
            bail!(Refused::unread(faults));
        }
        let mut text = "The configuration is fine.".to_owned();
        for unseen in &unseen {
            text += &format!("\nNot seen from here: {unseen}");
        }
        for warning in &warnings {
            text += &format!("\nWarning: {warning}");
        }
        let value = json!({"ok": faults.is_empty(), "faults": faults, "warnings": warnings, "unseen": unseen});
        output.print(&text, &value)?;
        match faults.is_empty() {
            true => Ok(()),
            false => bail!("the configuration cannot be used"),
        }
    }
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
