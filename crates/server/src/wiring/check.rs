//! Checks that a server would start with a configuration. They create nothing.

use std::sync::Arc;

use anyhow::{Context, bail};
use doorward_domain::passwords::hashing::UnreadableHash;
use doorward_domain::values::{NewPassword, Secret};
use doorward_mail::{TemplateMailer, TransportSettings};
use doorward_web::Texts;

use super::{Components, assemble_alone, policy};
use crate::breached::Filter;
use crate::config::{Config, InvalidConfig, LoadedConfig, shown_settings};
use crate::database::Database;
use crate::system::SystemClock;
use crate::tls::certificate::CertificateFiles;

/// Time limit of a check for connecting to a database.
const CHECK_CONNECT_SECONDS: u64 = 2;

/// Returns the configuration if the server can start with it, or all errors in it.
pub fn for_start(loaded: anyhow::Result<LoadedConfig>) -> anyhow::Result<LoadedConfig> {
    let (errors, loaded) = errors(loaded);
    match loaded {
        Some(mut loaded) if errors.is_empty() => {
            loaded.config.options.settings = shown_settings(&loaded);
            Ok(loaded)
        }
        loaded => bail!(InvalidConfig { errors, loaded }),
    }
}

/// Returns all errors in a configuration: values that cannot be parsed, contradictions, and values that the
/// components of a server reject. Returns no configuration if a value cannot be parsed.
pub fn errors(loaded: anyhow::Result<LoadedConfig>) -> (Vec<String>, Option<LoadedConfig>) {
    let (mut errors, loaded) = match loaded.map_err(anyhow::Error::downcast::<InvalidConfig>) {
        Ok(loaded) => (Vec::new(), Some(loaded)),
        Err(Ok(invalid)) => (invalid.errors, invalid.loaded),
        Err(Err(error)) => (vec![format!("{error:#}")], None),
    };
    if let Some(loaded) = &loaded {
        errors.extend(check(&loaded.config));
    }
    (errors, loaded)
}

/// Returns all reasons why a server would not start with this configuration. Creates nothing.
fn check(config: &Config) -> Vec<String> {
    let outcomes = [
        check_mail(config),
        check_texts(config),
        check_redis(config),
        check_tls(config),
        check_breached(config),
        check_admin_password(config),
    ];
    let faults = outcomes.into_iter().filter_map(Result::err);
    faults.map(|error| format!("{error:#}")).collect()
}

/// Checks the configured password of the first admin.
pub fn check_admin_password(config: &Config) -> anyhow::Result<()> {
    if let Some(password) = &config.admin_password {
        let rules = policy(config, config.listen)?.password_rules;
        NewPassword::parse(password.expose(), &rules, &["admin"]).map_err(|invalid| {
            anyhow::anyhow!("ADMIN_PASSWORD is not allowed: {}", invalid.detail)
        })?;
    }
    Ok(())
}

fn check_mail(config: &Config) -> anyhow::Result<()> {
    let mut mail = config.mail_settings(config.listen)?;
    if matches!(mail.transport, TransportSettings::Folder(_)) {
        // Opening a folder would create it.
        mail.transport = TransportSettings::Log;
    }
    TemplateMailer::open(&mail, Arc::new(SystemClock::default()))
        .map(drop)
        .context("mail cannot be set up")
}

/// Checks the texts of pages.
pub fn check_texts(config: &Config) -> anyhow::Result<()> {
    Texts::open(config.options.texts.as_deref())?;
    Ok(())
}

fn check_redis(config: &Config) -> anyhow::Result<()> {
    if let Some(settings) = config.redis_settings()? {
        settings.check()?;
    }
    Ok(())
}

fn check_tls(config: &Config) -> anyhow::Result<()> {
    match CertificateFiles::from_config(config) {
        // The server creates the development certificate at its start.
        Some(files) if !config.development_tls => files.load().map(drop),
        _ => Ok(()),
    }
}

/// Opens the breached-password filter, if one is configured.
fn check_breached(config: &Config) -> anyhow::Result<()> {
    match &config.breached_filter {
        Some(path) => Filter::open(path).map(drop),
        None => Ok(()),
    }
}

/// Checks that stored passwords can be verified with the configured peppers. Users that cannot be read are
/// skipped, so that they do not prevent a start.
pub async fn ensure_peppers(components: &Components) -> anyhow::Result<()> {
    match components.doorward.pepper_check.missing_pepper().await {
        Ok(None) => Ok(()),
        Ok(Some(missing)) => bail!(missing_pepper(&missing)),
        Err(error) => {
            tracing::warn!(
                %error,
                "cannot read some users; skipped the pepper check for them"
            );
            Ok(())
        }
    }
}

/// Result of a check of the stored passwords against the configured peppers.
pub enum PepperCheck {
    /// No pepper is missing, or there are no passwords.
    Passed,
    /// A pepper is missing, so a server would not start.
    Missing(String),
    /// The passwords could not be read, and why.
    Unreadable(String),
}

/// Checks the peppers against an existing database, and creates nothing. A database that does not respond is not a
/// fault of the configuration: a check may run on another machine.
pub async fn check_peppers(config: &Config) -> PepperCheck {
    let mut config = config.clone();
    config.hashing.threads = 1;
    let quiet = Config {
        database_connect_seconds: config.database_connect_seconds.min(CHECK_CONNECT_SECONDS),
        // These are not needed, and opening a folder of mails would create it.
        mail_url: Some(Secret::new("log:".to_owned())),
        breached_filter: None,
        redis_url: None,
        ..config
    };
    let looked: anyhow::Result<_> = async {
        let Some(database) = Database::open_existing(&quiet).await? else {
            return Ok(None);
        };
        let clock = Arc::new(SystemClock::default());
        let components = assemble_alone(&quiet, quiet.listen, database, clock)?;
        let missing = components.doorward.pepper_check.missing_pepper().await;
        components.close().await;
        Ok(missing?)
    }
    .await;
    match looked {
        Ok(None) => PepperCheck::Passed,
        Ok(Some(missing)) => PepperCheck::Missing(missing_pepper(&missing)),
        Err(error) => PepperCheck::Unreadable(format!("{error:#}")),
    }
}

fn missing_pepper(missing: &UnreadableHash) -> String {
    format!("a {missing}; until then its owner cannot sign in")
}
