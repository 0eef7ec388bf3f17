//! `doorward import [FILE]`: one thread reads and translates, this one writes, and the result of each user goes
//! into the report.

mod args;
mod report;

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use doorward_domain::Doorward;
use doorward_domain::ctx::{Actor, Ctx};
use doorward_domain::model::User;
use doorward_domain::transfer::{BatchPacer, DryRun, ImportOutcome, ImportedUser};
use doorward_domain::values::{EmailAddress, Locale, Username};
use doorward_import::{
    Conversion, Format, ImportNote, ImportOptions, Location, Rejection, Source, UserField,
    read_hash_config,
};
use serde_json::json;
use tokio::sync::mpsc;

pub use args::ImportArgs;

use crate::cli::output::Output;
use crate::cli::progress::ProgressReporter;
use crate::cli::stores::{finish, open, open_or_create};
use crate::config::Config;
use crate::wiring::Components;

use report::ImportReport;

/// Maximum number of users written at a time.
const BATCH: usize = 500;
/// Maximum number of batches read ahead.
const READ_AHEAD: usize = 2;

/// One user of the file.
struct SourceRecord {
    location: Location,
    translation: Conversion,
}

pub(super) async fn run(config: &Config, args: &ImportArgs, output: Output) -> anyhow::Result<()> {
    let source = Source::open(&args.file)?;
    let format = match args.format {
        Some(format) => format,
        None => source.detect()?,
    };
    // Before the import creates a database.
    if let Some(path) = args.report.as_ref().filter(|path| path.exists()) {
        bail!(
            "{} exists. Write the report to another file",
            path.display()
        );
    }
    let components = match args.dry_run {
        true => open(config).await?,
        false => open_or_create(config).await?,
    };
    let options = options(&components, args, format)?;
    let mut import = Import {
        ctx: components.ctx(Actor::CommandLine),
        doorward: &components.doorward,
        format,
        dry_run: args.dry_run.then(DryRun::default),
        pace: BatchPacer::default(),
        report: ImportReport::begin(args.report.as_deref())?,
    };
    let imported = import.all(source, options, output).await;
    finish(&components).await;
    if imported.is_err() {
        import.report.mark_incomplete();
    }
    import.report.flush()?;
    print(&import.report, args, output)?;
    if let Err(error) = imported {
        bail!(
            "{error:#}\nThe import is incomplete. Fix the cause and run it again; users that exist already are left as they are. A remote database may need a larger `database.statement_timeout_seconds`"
        );
    }
    let rejected = import.report.rejected();
    if rejected > 0 && !args.allow_rejects {
        bail!("{rejected} users were rejected. Pass --allow-rejects to exit with 0");
    }
    Ok(())
}

fn options(
    components: &Components,
    args: &ImportArgs,
    format: Format,
) -> anyhow::Result<ImportOptions> {
    let firebase = args.firebase_hash_config.as_deref();
    let firebase = firebase.map(read_hash_config).transpose()?;
    if format == Format::Firebase
        && firebase.is_none()
        && !args.drop_invalid.contains(&UserField::Password)
    {
        bail!(
            "Firebase's passwords need --firebase-hash-config FILE with the “Password hash parameters” from its console (Authentication, Users). To import the users without passwords, pass --drop-invalid password"
        );
    }
    let locale = match &args.default_locale {
        None => Locale::default(),
        Some(tag) => Locale::from_tag(tag)
            .with_context(|| format!("--default-locale {tag} is not a supported language"))?,
    };
    Ok(ImportOptions {
        now: components.doorward.now(),
        email_status: args.email_status,
        keep_admins: args.keep_admins,
        drop_invalid: args.drop_invalid.clone(),
        default_locale: locale,
        firebase,
    })
}

struct Import<'a> {
    doorward: &'a Doorward,
    ctx: Ctx,
    format: Format,
    dry_run: Option<DryRun>,
    pace: BatchPacer,
    report: ImportReport,
}

impl Import<'_> {
    async fn all(
        &mut self,
        source: Source,
        options: ImportOptions,
        output: Output,
    ) -> anyhow::Result<()> {
        let progress = ProgressReporter::for_bytes(source.size(), output);
        let meter = source.bytes_read();
        let (sender, mut batches) = mpsc::channel(READ_AHEAD);
        let format = self.format;
        let reading = tokio::task::spawn_blocking(move || read(source, format, &options, &sender));
        while let Some(batch) = batches.recv().await {
            self.import_batch(batch).await?;
            progress.bytes(meter.load(Ordering::Relaxed), self.report.read);
        }
        drop(progress);
        reading.await.context("the reader failed")?
    }

    async fn import_batch(&mut self, batch: Vec<SourceRecord>) -> anyhow::Result<()> {
        let (mut users, mut sides) = (Vec::with_capacity(batch.len()), Vec::new());
        for record in batch {
            sides.push((
                record.location,
                record.translation.map(|translated| {
                    users.push(translated.user);
                    translated.notes
                }),
            ));
        }
        let outcomes = self.outcomes(&users).await?;
        let mut done = users.iter().zip(outcomes);
        for (location, translation) in sides {
            match translation {
                Err(rejection) => self.report.reject(location, &rejection)?,
                Ok(notes) => {
                    let (user, outcome) = done.next().expect("an outcome for each user");
                    self.report_user(location, user.user(), &outcome, &notes)?;
                }
            }
        }
        Ok(self.report.flush()?)
    }

    async fn outcomes(&mut self, users: &[ImportedUser]) -> anyhow::Result<Vec<ImportOutcome>> {
        let (doorward, ctx) = (self.doorward, &self.ctx);
        Ok(match &mut self.dry_run {
            Some(dry_run) => {
                doorward
                    .import_dry_run
                    .check_import(ctx, dry_run, users)
                    .await?
            }
            None => {
                let (pace, system) = (&mut self.pace, self.format.name());
                doorward
                    .user_import
                    .import(ctx, system, pace, users)
                    .await?
            }
        })
    }

    fn report_user(
        &mut self,
        location: Location,
        user: &User,
        outcome: &ImportOutcome,
        notes: &[ImportNote],
    ) -> std::io::Result<()> {
        let identifier = identifier(user);
        if let ImportOutcome::Rejected(refusal) = outcome {
            let rejection = Rejection {
                identifier,
                ..Rejection::refused(refusal)
            };
            return self.report.reject(location, &rejection);
        }
        let id = user.id.to_string();
        self.report
            .add(location, outcome, &id, identifier.as_deref(), notes)
    }
}

/// Reads to the end, or until the receiver is dropped, and sends batches.
fn read(
    source: Source,
    format: Format,
    options: &ImportOptions,
    sender: &mpsc::Sender<Vec<SourceRecord>>,
) -> anyhow::Result<()> {
    let mut batch = Vec::with_capacity(BATCH);
    let read = source.read(format, &mut |location, value| {
        let translation = value.and_then(|value| format.convert(value, options));
        batch.push(SourceRecord {
            location,
            translation,
        });
        if batch.len() < BATCH {
            return ControlFlow::Continue(());
        }
        match sender.blocking_send(std::mem::take(&mut batch)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    // Users before an error in the file are imported.
    if !batch.is_empty() {
        let _ = sender.blocking_send(batch);
    }
    read
}

fn identifier(user: &User) -> Option<String> {
    let username = user.username.as_ref().map(Username::as_str);
    let address = user.email.as_ref().or(user.pending_address());
    username
        .or(address.map(EmailAddress::as_str))
        .map(str::to_owned)
}

fn print(report: &ImportReport, args: &ImportArgs, output: Output) -> anyhow::Result<()> {
    if args.report.is_none() && !output.json {
        for line in report.printed() {
            eprintln!("{line}");
        }
    }
    let verb = if args.dry_run {
        "would be imported"
    } else {
        "imported"
    };
    let mut text = report.text(verb);
    let mut value = report.value();
    value["dry_run"] = args.dry_run.into();
    if let Some(path) = &args.report {
        text += &format!("\nRejected and changed users are in {}.", path.display());
        value["report"] = json!(path);
    }
    output.print(&text, &value)
}
