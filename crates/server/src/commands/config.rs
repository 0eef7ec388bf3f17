//! `doorward config`

use anyhow::bail;
use serde_json::{Map, json};

use super::Output;
use crate::cli::{ConfigCommand, WIDTH};
use crate::columns;
use crate::config::{Config, InvalidConfig, LoadedConfig, SETTINGS, Setting, masked};
use crate::wiring::{self, PepperCheck};

/// Column of the values.
const INDENT: usize = 36;

pub(super) async fn run(
    loaded: anyhow::Result<LoadedConfig>,
    command: &ConfigCommand,
    output: Output,
) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Check => check(loaded).await.tell(output),
        ConfigCommand::Show => {
            // Values that contradict each other are shown as well.
            let faulty = loaded.as_ref().err().and_then(|error| error.downcast_ref());
            let values = match &loaded {
                Ok(loaded) => Some(loaded),
                Err(_) => faulty.and_then(|invalid: &InvalidConfig| invalid.loaded.as_ref()),
            };
            if let Some(values) = values {
                show(values, output)?;
            }
            loaded.map(drop)
        }
    }
}

/// Result of a check.
#[derive(Default)]
struct Checked {
    errors: Vec<String>,
    /// Parts that could not be checked.
    unseen: Vec<String>,
    /// Warnings, which do not prevent a start.
    warnings: Vec<String>,
}

/// Returns the configuration if the server can start with it, or all errors in it.
pub(super) fn check_for_start(
    loaded: anyhow::Result<LoadedConfig>,
) -> anyhow::Result<LoadedConfig> {
    let (errors, loaded) = errors(loaded);
    match loaded {
        Some(loaded) if errors.is_empty() => Ok(loaded),
        loaded => bail!(InvalidConfig { errors, loaded }),
    }
}

/// Returns all errors in a configuration: values that cannot be parsed, contradictions, and values that the
/// components of a server reject. Returns no configuration if a value cannot be parsed.
fn errors(loaded: anyhow::Result<LoadedConfig>) -> (Vec<String>, Option<LoadedConfig>) {
    let (mut errors, loaded) = match loaded.map_err(anyhow::Error::downcast::<InvalidConfig>) {
        Ok(loaded) => (Vec::new(), Some(loaded)),
        Err(Ok(invalid)) => (invalid.errors, invalid.loaded),
        Err(Err(error)) => (vec![format!("{error:#}")], None),
    };
    if let Some(loaded) = &loaded {
        errors.extend(wiring::check(&loaded.config));
    }
    (errors, loaded)
}

async fn check(loaded: anyhow::Result<LoadedConfig>) -> Checked {
    let (errors, loaded) = errors(loaded);
    let mut checked = Checked {
        errors,
        ..Checked::default()
    };
    let Some(LoadedConfig { config, .. }) = loaded else {
        return checked;
    };
    checked.warnings = config.warnings();
    match wiring::check_peppers(&config).await {
        PepperCheck::Passed => {}
        PepperCheck::Missing(error) => checked.errors.push(error),
        PepperCheck::Unreadable(reason) => checked.unseen.push(format!(
            "whether stored passwords can be verified with the configured peppers: {reason}"
        )),
    }
    checked
}

impl Checked {
    fn tell(self, output: Output) -> anyhow::Result<()> {
        let Self {
            errors,
            unseen,
            warnings,
        } = self;
        if !errors.is_empty() && !output.json {
            bail!(InvalidConfig::unread(errors));
        }
        let mut text = "The configuration is valid.".to_owned();
        for unseen in &unseen {
            text += &format!("\nNot checked: {unseen}");
        }
        for warning in &warnings {
            text += &format!("\nWarning: {warning}");
        }
        let value = json!({"ok": errors.is_empty(), "errors": errors, "warnings": warnings, "not_checked": unseen});
        output.print(&text, &value)?;
        match errors.is_empty() {
            true => Ok(()),
            false => bail!("invalid configuration"),
        }
    }
}

fn show(loaded: &LoadedConfig, output: Output) -> anyhow::Result<()> {
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

/// The key and its value, and below it the source unless it is the default.
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
