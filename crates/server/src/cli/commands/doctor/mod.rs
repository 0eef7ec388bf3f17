//! `doorward doctor`: checks each configured component and prints what is wrong and how to fix it.
//!
//! It changes nothing: it creates no folder, key, migration or mail. A failed check does not prevent the others.
//! Databases, Redis and mail are checked in their crates (`Database::diagnose`,
//! `doorward_mail::diagnose` …), the rest here. To add a check, add a file with a function that returns
//! [`Diagnostic`]s, and call it in [`diagnose`].

mod admins;
mod certificate;
mod disk;
mod keys;
mod network;
mod report;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use doorward_domain::diagnostics::{CheckStatus, Diagnostic};
use doorward_domain::values::EmailAddress;
use doorward_web::Diagnose;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::cli::output::Output;
use crate::cli::progress::ProgressReporter;
use crate::config::{Config, InvalidConfig, LoadedConfig};
use crate::database::Database;
use crate::system::SystemClock;

/// Name of the check of the configuration.
const PART: &str = "configuration";
/// Time limit of the checks of a running server: less than that of a request.
const CHECKS_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  doorward doctor --mail-to you@example.com\n\nIt changes nothing and sends no mail. Exit code 1 if a check failed."
)]
pub struct DoctorArgs {
    /// Recipient for the mail server check (default: the first admin)
    #[arg(long, value_name = "ADDRESS")]
    pub mail_to: Option<String>,
}

pub(super) async fn run(
    loaded: anyhow::Result<LoadedConfig>,
    args: &DoctorArgs,
    output: Output,
) -> anyhow::Result<()> {
    let (mut diagnostics, loaded) = configuration(loaded);
    if let Some(loaded) = &loaded {
        let mail_to = recipient(&loaded.config, args, &mut diagnostics);
        let _progress = ProgressReporter::working("Checking", output);
        diagnostics.extend(diagnose(&loaded.config, mail_to.as_ref()).await);
    }
    report::print(&diagnostics, output)?;
    let is_failed = |diagnostic: &&Diagnostic| diagnostic.status == CheckStatus::Failed;
    match diagnostics.iter().filter(is_failed).count() {
        0 => Ok(()),
        1 => bail!("1 check failed"),
        count => bail!("{count} checks failed"),
    }
}

/// Findings on the configuration, and the configuration if its values can be read.
fn configuration(loaded: anyhow::Result<LoadedConfig>) -> (Vec<Diagnostic>, Option<LoadedConfig>) {
    let error = match loaded {
        Ok(loaded) => {
            let set = loaded.origins.len();
            let message = format!("valid; {set} settings differ from their default");
            return (vec![Diagnostic::passed(PART, message)], Some(loaded));
        }
        Err(error) => error,
    };
    let hint = "See docs/CONFIGURATION.md";
    let invalid = match error.downcast::<InvalidConfig>() {
        Ok(invalid) => invalid,
        Err(error) => {
            return (
                vec![Diagnostic::failed(PART, format!("{error:#}"), hint)],
                None,
            );
        }
    };
    let hint = match &invalid.loaded {
        Some(_) => {
            "See docs/CONFIGURATION.md, and `doorward config show` for the source of each value"
        }
        None => hint,
    };
    let mut diagnostics: Vec<Diagnostic> = invalid
        .errors
        .into_iter()
        .map(|error| failed(PART, &error, hint))
        .collect();
    if invalid.loaded.is_none() {
        let message = "the other components were not checked";
        diagnostics.push(Diagnostic::warning(
            PART,
            message,
            "Fix the configuration and run `doorward doctor` again",
        ));
    }
    (diagnostics, invalid.loaded)
}

/// A failure of which the last sentence is the hint; `hint` if it has one sentence.
fn failed(part: &'static str, error: &str, hint: &str) -> Diagnostic {
    let (message, hint) = split_hint(error, hint);
    Diagnostic::failed(part, message, hint)
}

/// A warning about the configuration, of which the last sentence is the hint.
fn warning(text: &str) -> Diagnostic {
    let (message, hint) = split_hint(text, "See docs/CONFIGURATION.md");
    Diagnostic::warning(PART, message, hint)
}

/// Splits off the last sentence; `hint` if there is only one.
fn split_hint<'t>(text: &'t str, hint: &'t str) -> (&'t str, &'t str) {
    text.rsplit_once(". ").unwrap_or((text, hint))
}

/// The recipient for the mail server check.
fn recipient(
    config: &Config,
    args: &DoctorArgs,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<EmailAddress> {
    let address = args.mail_to.as_ref().or(config.admin_email.as_ref())?;
    match EmailAddress::parse(address) {
        Ok(address) => Some(address),
        Err(invalid) => {
            let hint = "Pass an address such as you@example.com to --mail-to";
            diagnostics.push(Diagnostic::failed("mail: recipient", invalid.detail, hint));
            None
        }
    }
}

/// The checks of a running server, for the console. One client at a time runs them.
pub(super) fn checks(config: &Config) -> Diagnose {
    let (config, turn) = (Arc::new(config.clone()), Arc::new(Mutex::new(())));
    Arc::new(move || {
        let (config, turn) = (config.clone(), turn.clone());
        Box::pin(async move {
            let checks = async {
                let _turn = turn.lock().await;
                let mail_to = config.admin_email.as_ref();
                let mail_to = mail_to.and_then(|address| EmailAddress::parse(address).ok());
                Box::pin(diagnose(&config, mail_to.as_ref())).await
            };
            in_time(checks).await
        })
    })
}

/// The results of the checks; one failure if they take too long.
async fn in_time(checks: impl Future<Output = Vec<Diagnostic>>) -> Vec<Diagnostic> {
    let results = timeout(CHECKS_TIMEOUT, checks).await;
    results.unwrap_or_else(|_| {
        let message = format!("the checks took longer than {} s", CHECKS_TIMEOUT.as_secs());
        let hint = "Run `doorward doctor` on the server";
        vec![Diagnostic::failed("doctor", message, hint)]
    })
}

async fn diagnose(config: &Config, mail_to: Option<&EmailAddress>) -> Vec<Diagnostic> {
    let mut diagnostics = settings::diagnose(config);
    diagnostics.extend(certificate::diagnose(config));
    // These wait for other servers.
    let ((stores, has_database), mail, listening) = tokio::join!(
        stores(config),
        mail(config, mail_to),
        network::listening(config),
    );
    // Do not wait again for a database that does not respond.
    diagnostics.extend(stores);
    let mut keys = None;
    if has_database && let Ok(Some(database)) = Database::open_existing(config).await {
        let store = &**database.store();
        let (about_keys, names) = keys::diagnose(config, store).await.unzip();
        keys = names;
        diagnostics.extend(about_keys);
        diagnostics.extend(admins::diagnose(store).await);
        database.close().await;
    }
    diagnostics.extend(mail);
    diagnostics.push(listening);
    diagnostics.extend(network::public_url(config, keys.as_deref()).await);
    diagnostics.extend(disk::diagnose(config));
    diagnostics
}

/// Findings on the stores, and whether the database is usable.
async fn stores(config: &Config) -> (Vec<Diagnostic>, bool) {
    let clock = SystemClock::default();
    let examined = Database::diagnose(config, &clock).await;
    let mut diagnostics = examined.diagnostics;
    match config.redis_settings() {
        Ok(Some(settings)) => {
            diagnostics.extend(doorward_store_redis::diagnose(&settings).await);
        }
        Ok(None) => {}
        Err(error) => {
            let hint = "See docs/STORES.md for the format of its URL";
            diagnostics.push(Diagnostic::failed("redis", format!("{error:#}"), hint));
        }
    }
    (diagnostics, examined.is_usable)
}

async fn mail(config: &Config, to: Option<&EmailAddress>) -> Vec<Diagnostic> {
    match config.mail_settings(config.listen) {
        Ok(settings) => doorward_mail::diagnose(&settings, to).await,
        Err(error) => vec![Diagnostic::failed(
            "mail",
            format!("{error:#}"),
            "Correct `mail.url`",
        )],
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn checks_of_a_running_server_that_take_longer_than_30_seconds_have_failed() {
        let checks = |seconds| async move {
            sleep(Duration::from_secs(seconds)).await;
            vec![Diagnostic::passed("database", "reachable")]
        };
        let results = in_time(checks(29)).await;
        assert_eq!(results, [Diagnostic::passed("database", "reachable")]);
        let results = in_time(checks(31)).await;
        assert_eq!(results[0].status, CheckStatus::Failed);
        assert_eq!(results[0].message, "the checks took longer than 30 s");
        assert_eq!(results.len(), 1);
    }
}
