//! `doorward config`

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::{Map, json};

use crate::cli::output::Output;
use crate::cli::text_wrap;
use crate::cli::text_wrap::WIDTH;
use crate::config::{Config, InvalidConfig, LoadedConfig, SETTINGS, Setting, redact};
use crate::wiring::check::{PepperCheck, check_peppers, errors};

#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  doorward config show --changed\n  doorward config check --json"
)]
pub enum ConfigCommand {
    /// Validate the configuration
    #[command(
        after_help = "Examples:\n  doorward config check\n  doorward config check --config /etc/doorward/doorward.toml --json"
    )]
    Check,
    /// Show all values with their source (secrets are masked)
    #[command(
        after_help = "Examples:\n  doorward config show --changed\n  doorward config show --json"
    )]
    Show(ShowConfigArgs),
}

#[derive(Debug, Args)]
pub struct ShowConfigArgs {
    /// Show only the values that differ from their default
    #[arg(long)]
    pub changed: bool,
}

/// Column of the values.
const INDENT: usize = 36;

pub(super) async fn run(
    loaded: anyhow::Result<LoadedConfig>,
    command: &ConfigCommand,
    output: Output,
) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Check => check(loaded).await.print(output),
        ConfigCommand::Show(args) => {
            // Values that contradict each other are shown as well.
            let faulty = loaded.as_ref().err().and_then(|error| error.downcast_ref());
            let values = match &loaded {
                Ok(loaded) => Some(loaded),
                Err(_) => faulty.and_then(|invalid: &InvalidConfig| invalid.loaded.as_ref()),
            };
            if let Some(values) = values {
                show(values, args, output)?;
            }
            loaded.map(drop)
        }
    }
}

/// Result of a check.
#[derive(Default)]
struct ConfigCheck {
    errors: Vec<String>,
    /// Parts that could not be checked.
    unchecked: Vec<String>,
    /// Warnings, which do not prevent a start.
    warnings: Vec<String>,
}

async fn check(loaded: anyhow::Result<LoadedConfig>) -> ConfigCheck {
    let (errors, loaded) = errors(loaded);
    let mut checked = ConfigCheck {
        errors,
        ..ConfigCheck::default()
    };
    let Some(LoadedConfig { config, .. }) = loaded else {
        return checked;
    };
    checked.warnings = config.warnings();
    match check_peppers(&config).await {
        PepperCheck::Passed => {}
        PepperCheck::Missing(error) => checked.errors.push(error),
        PepperCheck::Unreadable(reason) => checked.unchecked.push(format!(
            "whether stored passwords can be verified with the configured peppers: {reason}"
        )),
    }
    checked
}

impl ConfigCheck {
    fn print(self, output: Output) -> anyhow::Result<()> {
        let Self {
            errors,
            unchecked,
            warnings,
        } = self;
        if !errors.is_empty() && !output.json {
            bail!(InvalidConfig::unread(errors));
        }
        let mut text = "The configuration is valid.".to_owned();
        for unchecked in &unchecked {
            text += &format!("\nNot checked: {unchecked}");
        }
        for warning in &warnings {
            text += &format!("\nWarning: {warning}");
        }
        let value = json!({"ok": errors.is_empty(), "errors": errors, "warnings": warnings, "not_checked": unchecked});
        output.print(&text, &value)?;
        match errors.is_empty() {
            true => Ok(()),
            false => bail!("invalid configuration"),
        }
    }
}

fn show(loaded: &LoadedConfig, args: &ShowConfigArgs, output: Output) -> anyhow::Result<()> {
    let defaults = Config::default();
    let mut lines = Vec::new();
    let mut values = Map::new();
    for setting in SETTINGS {
        if args.changed && (setting.show)(&loaded.config) == (setting.show)(&defaults) {
            continue;
        }
        let shown = format_value(setting, &loaded.config);
        let origin = loaded.origins.get(setting.key).map(String::as_str);
        lines.push(paragraph(setting.key, &shown, origin));
        values.insert(
            setting.key.to_owned(),
            json!({"value": shown, "origin": origin.unwrap_or("default"), "variable": setting.alias.map_or_else(|| setting.env_var(), str::to_owned), "secret": setting.secret, "help": setting.help}),
        );
    }
    let text = match lines.is_empty() {
        true => "No setting differs from its default.".to_owned(),
        false => lines.join("\n"),
    };
    output.print(&text, &values.into())
}

fn format_value(setting: &Setting, config: &Config) -> String {
    let text = (setting.show)(config);
    if setting.secret { redact(&text) } else { text }
}

/// The key and its value, and below it the source unless it is the default.
fn paragraph(key: &str, value: &str, origin: Option<&str>) -> String {
    let value = if value.is_empty() { "-" } else { value };
    let key = text_wrap::pad(key, INDENT);
    let line = match origin {
        None => format!("{key}{value} (default)"),
        Some(_) => format!("{key}{value}"),
    };
    let line = text_wrap::wrap_line(&line, WIDTH, &" ".repeat(INDENT));
    match origin {
        None => line,
        Some(origin) => {
            let from = format!("    from {origin}");
            format!("{line}\n{}", text_wrap::wrap_line(&from, WIDTH, "      "))
        }
    }
}
