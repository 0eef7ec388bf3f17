//! Certificates change while the server runs: whoever renews them writes the files, and nobody has to
//! tell Doorward.
//!
//! It looks at what stands in the files, since names, dates and links say too little: Kubernetes turns
//! a link, certbot renames, others write in place. A pair that cannot be used changes nothing, and is
//! looked at again until it can. SIGHUP looks at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use doorward_domain::ports::Clock;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::certificate::{Files, Pair};
use super::development;
use super::notify::ServiceManager;
use super::tls::Tls;
use crate::config::Config;
use crate::master_key;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(2);
/// How often an end that comes near is told of, and the development certificate renewed.
const TOLD_EVERY: Duration = Duration::from_hours(24);
/// What ends within this time should have been renewed.
pub const RENEWAL: SignedDuration = SignedDuration::from_hours(24 * 14);

/// A certificate that is shown, and where the next one comes from.
pub struct Reloading {
    files: Files,
    tls: Arc<Tls>,
    clock: Arc<dyn Clock>,
    /// Where the development certificate is kept, if it is that.
    development: Option<PathBuf>,
    shown: Shown,
    told_at: Instant,
    /// What was wrong with the files when they were last looked at. Two files are not written at
    /// once, so it is told when it is still so the next time.
    suspected: Option<String>,
    /// What was told of that.
    complained: Option<String>,
}

/// Which certificate is shown.
struct Shown {
    print: [u8; 32],
    begins_at: Timestamp,
    ends_at: Timestamp,
}

/// Why the files are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// It is time again.
    Routine,
    /// Somebody wants to know.
    Asked,
}

impl Reloading {
    /// Reads the files for the first time, if TLS is spoken; here a fault ends the start.
    pub fn start(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Option<Self>> {
        let Some(files) = Files::of(config) else {
            return Ok(None);
        };
        let development = config.development_tls.then(|| config.data_dir.clone());
        if let Some(folder) = &development {
            master_key::make_data_dir(folder)?;
            development::ensure(folder, clock.now())?;
        }
        let contents = files.read()?;
        let pair = files.pair(&contents)?;
        let shown = Shown::of(&pair, contents.print());
        let tls = Arc::new(Tls::new(pair.certified)?);
        let reloading = Self {
            files,
            tls,
            clock,
            development,
            shown,
            told_at: Instant::now(),
            suspected: None,
            complained: None,
        };
        reloading.tell_of_its_end();
        Ok(Some(reloading))
    }

    /// What shows the certificate.
    pub fn tls(&self) -> Arc<Tls> {
        self.tls.clone()
    }

    /// Looks after the files for good.
    async fn keep(mut self, mut hangups: mpsc::Receiver<()>, manager: Arc<ServiceManager>) {
        loop {
            tokio::select! {
                () = sleep(EVERY) => self.look(Reason::Routine),
                Some(()) = hangups.recv() => {
                    manager.reloading();
                    self.look(Reason::Asked);
                    manager.ready();
                }
            }
            if self.told_at.elapsed() >= TOLD_EVERY {
                self.told_at = Instant::now();
                self.renew();
                self.tell_of_its_end();
            }
        }
    }

    fn look(&mut self, reason: Reason) {
        // The files may lie on a disk that is far away.
        match tokio::task::block_in_place(|| self.next()) {
            Ok(None) => {
                self.suspected = None;
                if self.complained.take().is_some() {
                    tracing::info!("the certificate's files hold again what is shown");
                } else if reason == Reason::Asked {
                    tracing::info!("the certificate has not changed");
                }
            }
            Ok(Some(shown)) => {
                self.shown = shown;
                self.suspected = None;
                self.complained = None;
                tracing::info!(certificate.ends_at = %self.shown.ends_at, "the certificate has changed; new connections see it");
                self.tell_of_its_end();
            }
            Err(error) => self.complain(format!("{error:#}"), reason),
        }
    }

    /// Shows what stands in the files, where that is something else and can be used.
    fn next(&self) -> anyhow::Result<Option<Shown>> {
        let contents = self.files.read()?;
        let print = contents.print();
        if print == self.shown.print {
            return Ok(None);
        }
        let pair = self.files.pair(&contents)?;
        let next = Shown::of(&pair, print);
        let now = self.clock.now();
        if self.shown.is_good_at(now) && !next.is_good_at(now) {
            anyhow::bail!(
                "{} is good from {} to {} only: give one that is good now",
                self.files.certificate.display(),
                next.begins_at,
                next.ends_at
            );
        }
        self.tls.show(pair.certified)?;
        Ok(Some(next))
    }

    fn complain(&mut self, fault: String, reason: Reason) {
        let is_lasting = self.suspected.as_ref() == Some(&fault) || reason == Reason::Asked;
        if is_lasting && self.complained.as_ref() != Some(&fault) {
            tracing::error!(
                error = fault,
                "the certificate's files have changed and cannot be used; the one from before is still shown, and the files are looked at every {} seconds",
                EVERY.as_secs()
            );
            self.complained = Some(fault.clone());
        }
        self.suspected = Some(fault);
    }

    fn renew(&self) {
        let Some(folder) = &self.development else {
            return;
        };
        if let Err(error) = development::ensure(folder, self.clock.now()) {
            tracing::error!(
                error = format!("{error:#}"),
                "the development certificate could not be renewed"
            );
        }
    }

    fn tell_of_its_end(&self) {
        let now = self.clock.now();
        let Shown {
            begins_at, ends_at, ..
        } = self.shown;
        if ends_at <= now {
            tracing::error!(certificate.ends_at = %ends_at, "the certificate has expired: nobody connects without a warning. Renew it, and put it into the same files");
        } else if begins_at > now {
            tracing::error!(certificate.begins_at = %begins_at, "the certificate is not good yet: look after this machine's clock, or wait");
        } else if ends_at.duration_since(now) < RENEWAL {
            tracing::warn!(certificate.ends_at = %ends_at, "the certificate ends within two weeks: see why whatever renews it has not done so");
        }
    }
}

impl Shown {
    fn of(pair: &Pair, print: [u8; 32]) -> Self {
        Self {
            print,
            begins_at: pair.begins_at,
            ends_at: pair.ends_at,
        }
    }

    fn is_good_at(&self, now: Timestamp) -> bool {
        self.begins_at <= now && now < self.ends_at
    }
}

/// Looks after the certificate, if there is one, and heeds who hangs up: without one there is nothing
/// to read again, and nobody ends for it.
pub async fn keep(
    reloading: Option<Reloading>,
    mut hangups: mpsc::Receiver<()>,
    manager: Arc<ServiceManager>,
) {
    match reloading {
        Some(reloading) => reloading.keep(hangups, manager).await,
        None => {
            while hangups.recv().await.is_some() {
                manager.reloading();
                tracing::info!("there is nothing to read again: settings are read at the start");
                manager.ready();
            }
        }
    }
}
