//! `doorward doctor`: tries each configured part, and says in a line what is wrong and how to mend it.
//!
//! It changes nothing that stays: no folder, key, migration or mail is made. (On Redis, rights are
//! tried with keys that are taken away again.) What fails keeps nothing else from being tried. A
//! part that is another crate's to speak to is examined there (`doorward_store_sql::examine`,
//! `doorward_mail::examine` …); here is what this machine and this binary know. To add a part: a
//! file here with a function that gives [`Finding`]s, and its line in [`examine`].

mod certificate;
mod folder;
mod keys;
mod machine;
mod network;
mod report;
mod settings;

use std::sync::Arc;

use anyhow::bail;
use doorward_domain::checkup::{Finding, Verdict};
use doorward_domain::values::EmailAddress;

use super::Output;
use crate::cli::DoctorArgs;
use crate::config::{Config, Loaded, Refused};
use crate::system::SystemClock;
use crate::wiring;

pub(super) async fn run(
    loaded: anyhow::Result<Loaded>,
    args: &DoctorArgs,
    output: Output,
) -> anyhow::Result<()> {
    let (mut findings, loaded) = configuration(loaded);
    if let Some(loaded) = &loaded {
        let mail_to = recipient(&loaded.config, args, &mut findings);
        findings.extend(examine(&loaded.config, mail_to.as_ref()).await);
    }
    report::print(&findings, output)?;
    let is_fault = |finding: &&Finding| finding.verdict == Verdict::Fault;
    match findings.iter().filter(is_fault).count() {
        0 => Ok(()),
        1 => bail!("one part does not work"),
        count => bail!("{count} parts do not work"),
    }
}

/// What there is to say of the configuration as such, and the values, where there are any.
fn configuration(loaded: anyhow::Result<Loaded>) -> (Vec<Finding>, Option<Loaded>) {
    const PART: &str = "configuration";
    let error = match loaded {
        Ok(loaded) => {
            let set = loaded.origins.len();
            let found = format!("can be read; {set} of its settings are not at their default");
            let mut findings = vec![Finding::fine(PART, found)];
            // What a start says, and goes on: who can read the files, say.
            findings.extend(loaded.config.warnings_of_no_part().into_iter().map(warning));
            return (findings, Some(loaded));
        }
        Err(error) => error,
    };
    let mend = "see docs/CONFIGURATION.md";
    let refused = match error.downcast::<Refused>() {
        Ok(refused) => refused,
        Err(error) => return (vec![Finding::fault(PART, format!("{error:#}"), mend)], None),
    };
    let mend = match &refused.loaded {
        Some(_) => "see docs/CONFIGURATION.md, and `doorward config show` for what came from where",
        None => mend,
    };
    let mut findings: Vec<Finding> = refused
        .faults
        .into_iter()
        .map(|fault| match fault.split_once(": ") {
            // These say themselves how they are mended.
            Some((found, mend)) => Finding::fault(PART, found, mend),
            None => Finding::fault(PART, fault, mend),
        })
        .collect();
    if refused.loaded.is_none() {
        let found = "the other parts were not tried, since it is not known which are meant";
        findings.push(Finding::warning(
            PART,
            found,
            "mend the configuration, and ask again",
        ));
    }
    (findings, refused.loaded)
}

/// Those say themselves how they are mended.
fn warning(text: String) -> Finding {
    match text.rsplit_once(": ") {
        Some((found, mend)) => Finding::warning("configuration", found, mend),
        None => Finding::warning("configuration", text, "see docs/CONFIGURATION.md"),
    }
}

/// Whom the mail server is asked about.
fn recipient(
    config: &Config,
    args: &DoctorArgs,
    findings: &mut Vec<Finding>,
) -> Option<EmailAddress> {
    let address = args.mail_to.as_ref().or(config.admin_email.as_ref())?;
    match EmailAddress::parse(address) {
        Ok(address) => Some(address),
        Err(invalid) => {
            let mend = "give --mail-to an address such as you@example.com";
            findings.push(Finding::fault("mail: recipient", invalid.detail, mend));
            None
        }
    }
}

async fn examine(config: &Config, mail_to: Option<&EmailAddress>) -> Vec<Finding> {
    let mut findings = settings::examine(config);
    findings.extend(folder::examine(config));
    findings.extend(certificate::examine(config));
    // Those that wait for somebody else wait side by side.
    let ((stores, has_database), mail, listening) = tokio::join!(
        stores(config),
        mail(config, mail_to),
        network::listening(config),
    );
    // A database that does not answer is not asked, and waited for, again.
    let keys = if has_database {
        keys::examine(config).await
    } else {
        None
    };
    findings.extend(stores);
    let (about_keys, keys) = keys.unzip();
    findings.extend(about_keys);
    findings.extend(mail);
    findings.push(listening);
    findings.extend(network::public_url(config, keys.as_deref()).await);
    findings.extend(machine::examine(config));
    findings
}

/// What there is to say of the stores, and whether there is a database that can be asked more.
async fn stores(config: &Config) -> (Vec<Finding>, bool) {
    let clock = SystemClock::default();
    let examined = doorward_store_sql::examine(&wiring::sql_settings(config), &clock).await;
    let mut findings = examined.findings;
    match wiring::redis_settings(config) {
        Ok(Some(settings)) => {
            findings.extend(doorward_store_redis::examine(&settings, Arc::new(clock)).await);
        }
        Ok(None) => {}
        Err(error) => {
            let mend = "see docs/STORES.md for how its URL is written";
            findings.push(Finding::fault("redis", format!("{error:#}"), mend));
        }
    }
    (findings, examined.is_usable)
}

async fn mail(config: &Config, to: Option<&EmailAddress>) -> Vec<Finding> {
    match wiring::mail_settings(config, config.listen) {
        Ok(settings) => doorward_mail::examine(&settings, to).await,
        Err(error) => vec![Finding::fault(
            "mail",
            format!("{error:#}"),
            "mend `mail.url`",
        )],
    }
}
