//! A `doorward.toml` with all settings commented out.

use crate::cli::text_wrap;
use crate::config::{Config, SETTINGS, Setting};

const HEAD: &str = "\
# The configuration of Doorward. Every setting is here with its default,
# commented out: remove the # to change one. An empty text counts as not set.
#
# The environment overrides .env, .env overrides this file. `doorward config
# show` shows the source of every value, `doorward config check` validates it.
";

/// Returns all settings with their help and their default, each on a line that begins with `#`.
pub fn text() -> String {
    let mut text = HEAD.to_owned();
    // Keys without a section must come first.
    let (plain, sectioned): (Vec<_>, Vec<_>) = SETTINGS
        .iter()
        .partition(|setting| section(setting).is_empty());
    for setting in plain {
        text += &describe(setting);
    }
    let mut sections: Vec<&str> = Vec::new();
    for setting in &sectioned {
        if !sections.contains(&section(setting)) {
            sections.push(section(setting));
        }
    }
    for name in sections {
        text += &format!("\n[{name}]\n");
        for setting in sectioned.iter().filter(|setting| section(setting) == name) {
            text += &describe(setting);
        }
    }
    text
}

fn section(setting: &Setting) -> &'static str {
    setting.key.rsplit_once('.').map_or("", |(name, _)| name)
}

fn describe(setting: &Setting) -> String {
    let variable = setting.env_var();
    let variable = setting.alias.unwrap_or(&variable);
    let mut about = setting.help.to_owned();
    if setting.secret {
        about += &format!(" A secret: prefer the environment variable {variable}.");
    }
    let mut text = String::from("\n");
    for line in text_wrap::wrap_line(&about, 78, "").lines() {
        text += &format!("# {line}\n");
    }
    let key = setting.key.rsplit('.').next().unwrap_or_default();
    text + &format!("#{key} = {}\n", default_of(setting))
}

/// The default as TOML.
fn default_of(setting: &Setting) -> String {
    let value = match setting.default_shown {
        // It depends on the machine.
        Some(_) => String::new(),
        None => (setting.show)(&Config::default()),
    };
    let is_bare = value.parse::<i64>().is_ok() || matches!(value.as_str(), "true" | "false");
    if is_bare {
        value
    } else {
        toml::Value::String(value).to_string()
    }
}
