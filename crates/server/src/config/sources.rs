//! Sources of values, the later overriding the earlier: default, file, `.env`, environment. A Lambda function also has a
//! parameter, which overrides `.env`.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use doorward_domain::values::{Digest, Secret};
use toml::de::{DeTable, DeValue};

#[cfg(feature = "aws")]
use super::lambda;
use super::settings::{SETTINGS, Setting};
use super::{Config, dotenv, ephemeral, redact};

/// Default name of the file.
const FILE: &str = "doorward.toml";
const DOTENV: &str = ".env";
const ENVIRONMENT: &str = "environment";
const PARAMETER: &str = "parameter";
const PREFIX: &str = "DOORWARD_";

/// A configuration with the source of each value.
#[derive(Debug)]
pub struct LoadedConfig {
    /// The values.
    pub config: Config,
    /// Source of each key that is not at its default.
    pub origins: BTreeMap<&'static str, String>,
    /// File of each key that came from one.
    files: BTreeMap<&'static str, PathBuf>,
}

impl LoadedConfig {
    /// Values with their sources, not from a file.
    #[cfg(test)]
    pub(super) fn of(config: Config, origins: BTreeMap<&'static str, String>) -> Self {
        Self {
            config,
            origins,
            files: BTreeMap::new(),
        }
    }

    /// Records the files, and which of them contain a secret. A URL without a password is not a secret.
    fn record_files(&mut self) {
        for setting in SETTINGS {
            let Some(path) = self.files.get(setting.key) else {
                continue;
            };
            let shown = (setting.show)(&self.config);
            if setting.secret && redact(&shown) != shown {
                self.config.secret_files.insert(path.clone());
            }
            self.config.files.insert(path.clone());
        }
    }

    /// Returns the configuration, or all contradictions in it.
    fn without_contradictions(self) -> anyhow::Result<Self> {
        let errors = self.config.check();
        if !errors.is_empty() {
            let loaded = Some(self);
            bail!(InvalidConfig { errors, loaded });
        }
        Ok(self)
    }

    /// Sets the address of the development certificate, unless `listen` is set.
    fn set_development_address(&mut self) {
        if self.config.development_tls && !self.origins.contains_key("listen") {
            self.config.listen = Config::DEVELOPMENT_LISTEN;
            let origin = "tls.development".to_owned();
            self.origins.insert("listen", origin);
        }
    }
}

/// An option of a command that sets a setting to true and overrides other sources.
#[derive(Debug, Clone, Copy)]
pub struct FlagOverride {
    /// Name of the option.
    pub name: &'static str,
    /// Key of the setting.
    pub key: &'static str,
}

/// An invalid configuration.
#[derive(Debug)]
pub struct InvalidConfig {
    /// All errors.
    pub errors: Vec<String>,
    /// The values, if each of them is valid by itself.
    pub loaded: Option<LoadedConfig>,
}

impl InvalidConfig {
    /// Some values are invalid.
    pub fn unread(errors: Vec<String>) -> Self {
        Self {
            errors,
            loaded: None,
        }
    }
}

impl std::fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "invalid configuration:\n  - {}",
            self.errors.join("\n  - ")
        )
    }
}

impl std::error::Error for InvalidConfig {}

/// Reads all sources and the option. The error contains all of them.
pub fn load(file: Option<&Path>, typed: Option<FlagOverride>) -> anyhow::Result<LoadedConfig> {
    read(file, typed, "")?.without_contradictions()
}

/// Reads all sources for a function of AWS Lambda. `secrets` is the text of its parameter, in the form of `.env`. A
/// function never migrates.
#[cfg(feature = "aws")]
pub fn load_lambda(secrets: &str) -> anyhow::Result<LoadedConfig> {
    let mut loaded = read(None, None, secrets)?;
    let errors = lambda::errors(&loaded);
    if !errors.is_empty() {
        bail!(InvalidConfig::unread(errors));
    }
    loaded.config.database_migrate = false;
    loaded.without_contradictions()
}

/// Returns the values, also if they contradict each other. Fails if one of them is invalid by itself.
pub fn values_of(loaded: anyhow::Result<LoadedConfig>) -> anyhow::Result<LoadedConfig> {
    let error = match loaded {
        Ok(loaded) => return Ok(loaded),
        Err(error) => error,
    };
    match error.downcast::<InvalidConfig>()? {
        InvalidConfig {
            loaded: Some(loaded),
            ..
        } => Ok(loaded),
        invalid => Err(invalid.into()),
    }
}

/// Reads the configuration of a demo: its data is in `folder`, and its inbox opens with `key`.
pub fn load_demo(
    file: Option<&Path>,
    folder: &Path,
    key: Secret<String>,
) -> anyhow::Result<LoadedConfig> {
    let mut loaded = read(file, None, "")?;
    let fault = |key: &str| {
        format!(
            "`{key}` is set, but a demo keeps its data in a temporary folder. Remove it or --demo"
        )
    };
    let mut errors = Vec::new();
    if loaded.config.database_url.is_some() {
        errors.push(fault("database.url"));
    }
    if loaded.config.redis_url.is_some() {
        errors.push(fault("redis.url"));
    }
    if !errors.is_empty() {
        bail!(InvalidConfig::unread(errors));
    }
    loaded.config.data_dir = folder.to_owned();
    loaded.config.options.inbox_key = Some(Digest::of(key.expose().as_bytes()));
    loaded.config.demo_key = Some(key);
    loaded.without_contradictions()
}

/// Reads all sources, the text of a parameter and the option, without a check for contradictions.
fn read(
    file: Option<&Path>,
    typed: Option<FlagOverride>,
    parameter: &str,
) -> anyhow::Result<LoadedConfig> {
    let mut reader = Reader::new(Config::default());
    reader.read_file(file)?;
    reader.read_variables(read_dotenv()?.into_iter(), DOTENV);
    let parameter = dotenv::parse(parameter).context("cannot read the parameter")?;
    reader.read_variables(parameter.into_iter(), PARAMETER);
    reader.read_variables(environment(), ENVIRONMENT);
    if let Some(FlagOverride { name, key }) = typed {
        let setting = Setting::find(key);
        let setting = setting.with_context(|| format!("{name} sets nothing"))?;
        reader.set(setting, name, "true", name, None);
    }
    let Reader { mut loaded, errors } = reader;
    if !errors.is_empty() {
        bail!(InvalidConfig::unread(errors));
    }
    loaded.record_files();
    loaded.set_development_address();
    Ok(loaded)
}

/// Reads the configuration of an in-memory server, see [`super::ephemeral`].
pub fn load_ephemeral() -> anyhow::Result<LoadedConfig> {
    let mut reader = Reader::new(ephemeral::defaults());
    let variables: BTreeMap<_, _> = environment().collect();
    for setting in SETTINGS {
        let name = setting.env_var();
        let value = variables.get(&name).filter(|value| !value.is_empty());
        if ephemeral::ALLOWED_SETTINGS.contains(&setting.key)
            && let Some(value) = value
        {
            reader.set(
                setting,
                &name,
                value,
                &format!("{ENVIRONMENT} {name}"),
                None,
            );
        }
    }
    let Reader { loaded, mut errors } = reader;
    errors.extend(loaded.config.check());
    if !errors.is_empty() {
        bail!(InvalidConfig::unread(errors));
    }
    Ok(loaded)
}

/// Reads the sources one after the other.
struct Reader {
    loaded: LoadedConfig,
    errors: Vec<String>,
}

impl Reader {
    fn new(config: Config) -> Self {
        let loaded = LoadedConfig {
            config,
            origins: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        Self {
            loaded,
            errors: Vec::new(),
        }
    }

    fn read_file(&mut self, file: Option<&Path>) -> anyhow::Result<()> {
        let path = match file {
            Some(path) => path,
            None if exists(Path::new(FILE))? => Path::new(FILE),
            None => return Ok(()),
        };
        let text = std::fs::read_to_string(path).with_context(|| {
            let name = path.display();
            match path.is_dir() {
                true => format!("cannot read {name}: it is a folder. Container runtimes create one if the file to mount is missing"),
                false => format!("cannot read {name}"),
            }
        })?;
        let table =
            parse_table(&text).with_context(|| format!("cannot read {}", path.display()))?;
        let mut values = Vec::new();
        flatten("", &table, &mut values);
        let lines = lines(&text);
        for (key, value) in values {
            let known = Setting::find(&key);
            // As in the environment, an empty text counts as not set.
            if value.is_empty() && known.is_some() {
                continue;
            }
            let origin = match lines.get(&key) {
                Some(line) => format!("{} line {line}", path.display()),
                None => path.display().to_string(),
            };
            match known {
                Some(setting) => self.set(setting, &key, &value, &origin, Some(path)),
                None => self.errors.push(unknown(
                    &key,
                    SETTINGS.iter().map(|setting| setting.key.to_owned()),
                    &origin,
                )),
            }
        }
        Ok(())
    }

    /// Reads variables. `DOORWARD_…` overrides the other name of a setting.
    fn read_variables(&mut self, variables: impl Iterator<Item = (String, String)>, origin: &str) {
        let variables: BTreeMap<String, String> =
            variables.filter(|(_, value)| !value.is_empty()).collect();
        for setting in SETTINGS {
            let names = setting
                .alias
                .map(str::to_owned)
                .into_iter()
                .chain([setting.env_var()]);
            for name in names {
                if let Some(value) = variables.get(&name) {
                    let file = (origin == DOTENV).then_some(Path::new(DOTENV));
                    self.set(setting, &name, value, &format!("{origin} {name}"), file);
                }
            }
        }
        let known: Vec<String> = SETTINGS.iter().map(Setting::env_var).collect();
        for name in variables
            .keys()
            .filter(|name| name.starts_with(PREFIX) && !known.contains(name))
        {
            self.errors
                .push(unknown(name, known.iter().cloned(), origin));
        }
    }

    /// Sets a value. `name` is the key or variable that contained it, `origin` describes its source.
    fn set(
        &mut self,
        setting: &'static Setting,
        name: &str,
        value: &str,
        origin: &str,
        file: Option<&Path>,
    ) {
        let loaded = &mut self.loaded;
        match (setting.set)(&mut loaded.config, value) {
            Ok(()) => {
                loaded.origins.insert(setting.key, origin.to_owned());
                match file {
                    Some(file) => loaded.files.insert(setting.key, file.to_owned()),
                    None => loaded.files.remove(setting.key),
                };
            }
            Err(wanted) => self.errors.push(format!("`{name}` {wanted} ({origin})")),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
pub(super) fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        Some((
            name.into_string().ok()?,
            value.to_string_lossy().into_owned(),
        ))
    })
}

fn read_dotenv() -> anyhow::Result<Vec<(String, String)>> {
    if !exists(Path::new(DOTENV))? {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(DOTENV).context("cannot read .env")?;
    dotenv::parse(&text).context("cannot read .env")
}

/// Returns `true` if the name exists. A dangling link or a folder counts: it was meant to be the file, so it must not
/// be ignored (C-01). A pipe is an error, since opening it would block.
fn exists(path: &Path) -> anyhow::Result<bool> {
    let found = std::fs::symlink_metadata(path);
    if found.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(false);
    }
    let leads_to = std::fs::metadata(path).map(|found| found.file_type());
    if leads_to.is_ok_and(|kind| kind.is_fifo() || kind.is_socket()) {
        let name = path.display();
        bail!("cannot read {name}: it is a pipe or a socket. Replace it by a file or remove it");
    }
    Ok(true)
}

/// Parses a file. The error of the library would contain the line, which may contain a password.
pub(super) fn parse_table(text: &str) -> anyhow::Result<toml::Table> {
    text.parse().map_err(|error: toml::de::Error| {
        let before = error
            .span()
            .map_or("", |span| &text[..span.start.min(text.len())]);
        let line = before.matches('\n').count() + 1;
        anyhow::anyhow!("line {line} is not valid TOML. Quote texts, and do not repeat keys")
    })
}

/// The line number of each key.
pub(super) fn lines(text: &str) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    if let Ok(table) = DeTable::parse(text) {
        number("", table.get_ref(), text, &mut lines);
    }
    lines
}

fn number(prefix: &str, table: &DeTable<'_>, text: &str, lines: &mut BTreeMap<String, usize>) {
    for (name, value) in table {
        let key = joined(prefix, name.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) => number(&key, inner, text, lines),
            _ => {
                let before = &text[..name.span().start.min(text.len())];
                lines.insert(key, before.matches('\n').count() + 1);
            }
        }
    }
}

fn joined(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}.{name}")
    }
}

/// Flattens a table; keys are joined by dots.
pub(super) fn flatten(prefix: &str, table: &toml::Table, values: &mut Vec<(String, String)>) {
    for (name, value) in table {
        let key = joined(prefix, name);
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, values),
            toml::Value::String(text) => values.push((key, text.clone())),
            other => values.push((key, other.to_string())),
        }
    }
}

/// Number of wrong letters up to which a known name is suggested.
const MAX_TYPOS: usize = 3;

fn unknown(key: &str, known: impl Iterator<Item = String>, origin: &str) -> String {
    let distance = |candidate: &String| strsim::damerau_levenshtein(key, candidate);
    let nearest = known.min_by_key(distance);
    match nearest.filter(|nearest| distance(nearest) <= MAX_TYPOS) {
        Some(nearest) => {
            format!("unknown setting `{key}`; did you mean `{nearest}`? ({origin})")
        }
        None => format!("unknown setting `{key}` ({origin}). See docs/CONFIGURATION.md"),
    }
}
