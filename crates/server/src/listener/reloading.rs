//! Certificates change while the server runs: whoever renews them writes the files, and nobody has to
//! tell Doorward.
//!
//! It looks at what stands in the files, since names, dates and links say too little: Kubernetes turns
//! a link, certbot renames, others write in place. A pair that cannot be used changes nothing, and is
//! looked at again until it can. SIGHUP looks at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use doorward_domain::ports::{Clock, Secrets};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::certificate::{Files, Pair, Standing};
use super::development;
use super::notify::ServiceManager;
use super::tls::Tls;
use crate::config::Config;
use crate::master_key;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(2);
/// How often an end that comes near is told of, and the development certificate renewed.
const TOLD_EVERY: Duration = Duration::from_hours(24);

/// A certificate that is shown, and where the next one comes from.
pub struct Reloading {
    files: Files,
    tls: Arc<Tls>,
    clock: Arc<dyn Clock>,
    secrets: Arc<dyn Secrets>,
    /// Where the development certificate is kept, if it is that.
    development: Option<PathBuf>,
    shown: Shown,
    /// When that ends, for an operator's figures.
    ends_at: watch::Sender<Timestamp>,
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
    pub fn start(
        config: &Config,
        clock: Arc<dyn Clock>,
        secrets: Arc<dyn Secrets>,
    ) -> anyhow::Result<Option<Self>> {
        let Some(files) = Files::of(config) else {
            return Ok(None);
        };
        let development = config.development_tls.then(|| config.data_dir.clone());
        if let Some(folder) = &development {
            master_key::make_data_dir(folder)?;
            development::ensure(folder, clock.now(), &*secrets)?;
        }
        let contents = files.read()?;
        let pair = files.pair(&contents)?;
        let shown = Shown::of(&pair, contents.print());
        let tls = Arc::new(Tls::new(pair.certified)?);
        let reloading = Self {
            files,
            tls,
            clock,
            secrets,
            development,
            ends_at: watch::Sender::new(shown.ends_at),
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

    /// When the certificate ends that is shown at a time.
    pub fn ends_at(&self) -> watch::Receiver<Timestamp> {
        self.ends_at.subscribe()
    }

    /// Looks after the files for good.
    async fn keep(&mut self, hangups: &mut mpsc::Receiver<()>, manager: &ServiceManager) {
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
                self.daily();
            }
        }
    }

    fn daily(&self) {
        self.renew();
        self.tell_of_its_end();
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
                self.ends_at.send_replace(shown.ends_at);
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
        if self.shown.standing(now).is_usable() && !next.standing(now).is_usable() {
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
        let now = self.clock.now();
        // It makes a key, and waits for the disk.
        let renewed =
            tokio::task::block_in_place(|| development::ensure(folder, now, &*self.secrets));
        if let Err(error) = renewed {
            tracing::error!(
                error = format!("{error:#}"),
                "the development certificate could not be renewed"
            );
        }
    }

    fn tell_of_its_end(&self) {
        let Shown {
            begins_at, ends_at, ..
        } = self.shown;
        match self.shown.standing(self.clock.now()) {
            Standing::Expired => {
                tracing::error!(certificate.ends_at = %ends_at, "the certificate has expired: nobody connects without a warning. Renew it, and put it into the same files");
            }
            Standing::NotYet => {
                tracing::error!(certificate.begins_at = %begins_at, "the certificate is not good yet: look after this machine's clock, or wait");
            }
            Standing::EndsSoon => {
                tracing::warn!(certificate.ends_at = %ends_at, "the certificate ends within two weeks: see why whatever renews it has not done so");
            }
            Standing::Good => {}
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

    fn standing(&self, now: Timestamp) -> Standing {
        Standing::of(self.begins_at, self.ends_at, now)
    }
}

/// Looks after the certificate, if there is one, and heeds who hangs up: without one there is nothing
/// to read again, and nobody ends for it.
pub struct Keeper {
    reloading: Option<Reloading>,
    hangups: mpsc::Receiver<()>,
    manager: Arc<ServiceManager>,
}

impl Keeper {
    /// With what says that somebody hung up.
    pub fn new(
        reloading: Option<Reloading>,
        hangups: mpsc::Receiver<()>,
        manager: Arc<ServiceManager>,
    ) -> Self {
        Self {
            reloading,
            hangups,
            manager,
        }
    }

    /// Does so for good. It can be begun again wherever it was left.
    pub async fn keep(&mut self) {
        if let Some(reloading) = &mut self.reloading {
            return reloading.keep(&mut self.hangups, &self.manager).await;
        }
        while self.hangups.recv().await.is_some() {
            self.manager.reloading();
            tracing::info!("there is nothing to read again: settings are read at the start");
            self.manager.ready();
        }
    }
}

#[cfg(test)]
mod tests {
    use doorward_domain::memory::{SeededSecrets, SteppedClock};
    use jiff::SignedDuration;

    use super::*;
    use crate::listener::heard::Heard;

    const MADE: Timestamp = Timestamp::constant(1_800_000_000, 0);

    /// A folder with a certificate for development, which ends after a year, and who looks after it.
    struct Watched {
        folder: tempfile::TempDir,
        clock: Arc<SteppedClock>,
        reloading: Reloading,
        heard: Heard,
        _hearing: tracing::subscriber::DefaultGuard,
    }

    impl Watched {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let clock = Arc::new(SteppedClock::new(MADE));
            let config = Config {
                development_tls: true,
                data_dir: folder.path().to_owned(),
                ..Config::default()
            };
            let secrets = Arc::new(SeededSecrets::new(1));
            let heard = Heard::default();
            let hearing = heard.hear();
            let reloading = Reloading::start(&config, clock.clone(), secrets);
            let reloading = reloading.unwrap().unwrap();
            Self {
                folder,
                clock,
                reloading,
                heard,
                _hearing: hearing,
            }
        }

        fn look(&mut self, reason: Reason, times: usize) {
            for _ in 0..times {
                self.reloading.look(reason);
            }
        }

        fn pass(&self, days: i64) {
            self.clock.advance(SignedDuration::from_hours(24 * days));
        }
    }

    #[test]
    fn a_fault_is_told_at_the_second_look_and_once_all_the_same() {
        let mut watched = Watched::new();
        let certificate = watched.reloading.files.certificate.clone();
        let whole = std::fs::read(&certificate).unwrap();
        let shown = watched.reloading.shown.print;
        std::fs::write(&certificate, &whole[..200]).unwrap();
        watched.look(Reason::Routine, 1);
        // Somebody may be writing it.
        assert_eq!(watched.heard.count("cannot be used"), 0);
        watched.look(Reason::Routine, 5);
        assert_eq!(watched.heard.count("is not whole"), 1);
        // Another fault is told of, at once where somebody asks.
        std::fs::remove_file(&certificate).unwrap();
        watched.look(Reason::Asked, 1);
        watched.look(Reason::Routine, 5);
        assert_eq!(watched.heard.count("cannot read"), 1);
        assert_eq!(watched.heard.count("cannot be used"), 2);
        std::fs::write(&certificate, &whole).unwrap();
        watched.look(Reason::Routine, 3);
        assert_eq!(watched.heard.count("hold again what is shown"), 1);
        assert_eq!(watched.reloading.shown.print, shown);
        // What was mended and breaks again is told of again.
        std::fs::write(&certificate, &whole[..200]).unwrap();
        watched.look(Reason::Routine, 5);
        assert_eq!(watched.heard.count("is not whole"), 2);
    }

    #[test]
    fn once_a_day_the_end_is_told_of_and_the_development_certificate_renewed() {
        let mut watched = Watched::new();
        let first = watched.reloading.shown.print;
        let day = |watched: &mut Watched| {
            watched.reloading.daily();
            watched.look(Reason::Routine, 1);
        };
        watched.pass(300);
        day(&mut watched);
        assert_eq!(watched.reloading.shown.print, first);
        let seen = watched.reloading.ends_at();
        let ended_at = *seen.borrow();
        watched.pass(40);
        day(&mut watched);
        assert_ne!(watched.reloading.shown.print, first);
        // Whoever looks at the figures sees it.
        assert!(*seen.borrow() > ended_at);
        assert_eq!(*seen.borrow(), watched.reloading.shown.ends_at);
        assert_eq!(watched.heard.count("ends within two weeks"), 0);
        // Where it cannot be renewed, its end comes near.
        watched.reloading.development = Some(watched.folder.path().join("nothing/here"));
        watched.pass(355);
        day(&mut watched);
        day(&mut watched);
        assert_eq!(watched.heard.count("could not be renewed"), 2);
        assert_eq!(watched.heard.count("ends within two weeks"), 2);
        watched.pass(20);
        day(&mut watched);
        assert_eq!(watched.heard.count("has expired"), 1);
    }

    #[test]
    fn one_that_is_not_good_now_takes_no_good_one_s_place() {
        let mut watched = Watched::new();
        let first = watched.reloading.shown.print;
        let later = MADE + SignedDuration::from_hours(24 * 400);
        development::ensure(watched.folder.path(), later, &SeededSecrets::new(2)).unwrap();
        watched.look(Reason::Asked, 1);
        assert_eq!(watched.reloading.shown.print, first);
        assert_eq!(watched.heard.count("give one that is good now"), 1);
        watched.pass(400);
        watched.look(Reason::Routine, 1);
        assert_ne!(watched.reloading.shown.print, first);
    }
}
