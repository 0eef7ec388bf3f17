//! Reloads certificate files when they change.
//!
//! It compares the contents of the files every two seconds, because names, dates and links do not show every
//! change: Kubernetes replaces a link, certbot renames, others write in place. A pair that cannot be used is
//! ignored and checked again. SIGHUP checks at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use doorward_domain::clock::{Clock, RandomSource};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::certificate::{CertificateFiles, CertificatePair, CertificateStatus};
use super::{TlsServer, dev_certificate};
use crate::config::Config;
use crate::data_dir::master_key;
use crate::listener::service_manager::ServiceManager;

/// Interval between two checks of the files.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// Interval of logging an upcoming expiry, and of renewing the development certificate.
const DAILY: Duration = Duration::from_hours(24);

/// The served certificate, and the files of the next one.
pub struct Reloading {
    files: CertificateFiles,
    tls: Arc<TlsServer>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn RandomSource>,
    /// The folder of the development certificate, if that is served.
    development: Option<PathBuf>,
    served: Served,
    /// Its expiry, for metrics.
    not_after: watch::Sender<Timestamp>,
    daily_at: Instant,
    /// The error of the last check. Two files are not written at once, so an error is logged if the next
    /// check has the same one.
    pending_error: Option<String>,
    /// The error that was logged.
    logged: Option<String>,
}

/// The served certificate.
struct Served {
    print: [u8; 32],
    not_before: Timestamp,
    not_after: Timestamp,
}

/// Reason for a check of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CheckReason {
    /// The interval is over.
    Periodic,
    /// SIGHUP.
    Requested,
}

impl Reloading {
    /// Reads the files, if TLS is configured. An error stops the start.
    pub fn start(
        config: &Config,
        clock: Arc<dyn Clock>,
        random: Arc<dyn RandomSource>,
    ) -> anyhow::Result<Option<Self>> {
        let Some(files) = CertificateFiles::from_config(config) else {
            return Ok(None);
        };
        let development = config.development_tls.then(|| config.data_dir.clone());
        if let Some(folder) = &development {
            master_key::make_data_dir(folder)?;
            dev_certificate::ensure(folder, clock.now(), &*random)?;
        }
        let contents = files.read()?;
        let pair = files.pair(&contents)?;
        let served = Served::of(&pair, contents.print());
        let tls = Arc::new(TlsServer::new(pair.certified)?);
        let reloading = Self {
            files,
            tls,
            clock,
            random,
            development,
            not_after: watch::Sender::new(served.not_after),
            served,
            daily_at: Instant::now(),
            pending_error: None,
            logged: None,
        };
        reloading.log_expiry();
        Ok(Some(reloading))
    }

    /// The TLS acceptor.
    pub fn tls(&self) -> Arc<TlsServer> {
        self.tls.clone()
    }

    /// The expiry of the served certificate, as it changes.
    pub fn not_after(&self) -> watch::Receiver<Timestamp> {
        self.not_after.subscribe()
    }

    /// Checks the files repeatedly.
    async fn run(&mut self, sighup: &mut mpsc::Receiver<()>, manager: &ServiceManager) {
        loop {
            tokio::select! {
                () = sleep(CHECK_INTERVAL) => self.check(CheckReason::Periodic),
                Some(()) = sighup.recv() => {
                    manager.reloading();
                    self.check(CheckReason::Requested);
                    manager.ready();
                }
            }
            if self.daily_at.elapsed() >= DAILY {
                self.daily_at = Instant::now();
                self.daily();
            }
        }
    }

    fn daily(&self) {
        self.renew();
        self.log_expiry();
    }

    fn check(&mut self, reason: CheckReason) {
        // The files may be on a network disk.
        match tokio::task::block_in_place(|| self.next()) {
            Ok(None) => {
                self.pending_error = None;
                if self.logged.take().is_some() {
                    tracing::info!("certificate files match the served certificate again");
                } else if reason == CheckReason::Requested {
                    tracing::info!("certificate unchanged");
                }
            }
            Ok(Some(served)) => {
                self.not_after.send_replace(served.not_after);
                self.served = served;
                self.pending_error = None;
                self.logged = None;
                tracing::info!(certificate.not_after = %self.served.not_after, "certificate reloaded");
                self.log_expiry();
            }
            Err(error) => self.report(format!("{error:#}"), reason),
        }
    }

    /// Serves the certificate in the files, if it has changed and can be used.
    fn next(&self) -> anyhow::Result<Option<Served>> {
        let contents = self.files.read()?;
        let print = contents.print();
        if print == self.served.print {
            return Ok(None);
        }
        let pair = self.files.pair(&contents)?;
        let next = Served::of(&pair, print);
        let now = self.clock.now();
        if self.served.status(now).is_usable() && !next.status(now).is_usable() {
            anyhow::bail!(
                "{} is valid from {} to {} only: provide one that is valid now",
                self.files.certificate.display(),
                next.not_before,
                next.not_after
            );
        }
        self.tls.replace(pair.certified)?;
        Ok(Some(next))
    }

    fn report(&mut self, error: String, reason: CheckReason) {
        let is_lasting =
            self.pending_error.as_ref() == Some(&error) || reason == CheckReason::Requested;
        if is_lasting && self.logged.as_ref() != Some(&error) {
            tracing::error!(
                error,
                "cannot load the changed certificate files; still serving the previous certificate, next check in {} s",
                CHECK_INTERVAL.as_secs()
            );
            self.logged = Some(error.clone());
        }
        self.pending_error = Some(error);
    }

    fn renew(&self) {
        let Some(folder) = &self.development else {
            return;
        };
        let now = self.clock.now();
        // Generating a key and writing the files is slow.
        let renewed =
            tokio::task::block_in_place(|| dev_certificate::ensure(folder, now, &*self.random));
        if let Err(error) = renewed {
            tracing::error!(
                error = format!("{error:#}"),
                "failed to renew the development certificate"
            );
        }
    }

    fn log_expiry(&self) {
        let Served {
            not_before,
            not_after,
            ..
        } = self.served;
        match self.served.status(self.clock.now()) {
            CertificateStatus::Expired => {
                tracing::error!(certificate.not_after = %not_after, "certificate expired. Renew it in place");
            }
            CertificateStatus::NotYetValid => {
                tracing::error!(certificate.not_before = %not_before, "certificate not valid yet. Check this machine's clock");
            }
            CertificateStatus::ExpiresSoon => {
                tracing::warn!(certificate.not_after = %not_after, "certificate expires within two weeks. Check the renewal job");
            }
            CertificateStatus::Valid => {}
        }
    }
}

impl Served {
    fn of(pair: &CertificatePair, print: [u8; 32]) -> Self {
        Self {
            print,
            not_before: pair.not_before,
            not_after: pair.not_after,
        }
    }

    fn status(&self, now: Timestamp) -> CertificateStatus {
        CertificateStatus::at(self.not_before, self.not_after, now)
    }
}

/// Reloads the certificate, if there is one, and handles SIGHUP.
pub struct CertificateReloader {
    reloading: Option<Reloading>,
    sighup: mpsc::Receiver<()>,
    manager: Arc<ServiceManager>,
}

impl CertificateReloader {
    /// `sighup` receives SIGHUP.
    pub fn new(
        reloading: Option<Reloading>,
        sighup: mpsc::Receiver<()>,
        manager: Arc<ServiceManager>,
    ) -> Self {
        Self {
            reloading,
            sighup,
            manager,
        }
    }

    /// Runs until it is dropped. It can be started again at any time.
    pub async fn run(&mut self) {
        if let Some(reloading) = &mut self.reloading {
            return reloading.run(&mut self.sighup, &self.manager).await;
        }
        while self.sighup.recv().await.is_some() {
            self.manager.reloading();
            tracing::info!(
                "SIGHUP ignored: no certificate to reload (settings are read at start-up)"
            );
            self.manager.ready();
        }
    }
}

#[cfg(test)]
mod tests {
    use doorward_domain::memory::{SeededRandom, SteppedClock};
    use jiff::SignedDuration;

    use super::*;
    use crate::tls::captured_logs::CapturedLogs;

    const MADE: Timestamp = Timestamp::constant(1_800_000_000, 0);

    /// A folder with a development certificate, which expires after a year.
    struct Watched {
        folder: tempfile::TempDir,
        clock: Arc<SteppedClock>,
        reloading: Reloading,
        logs: CapturedLogs,
        _capturing: tracing::subscriber::DefaultGuard,
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
            let random = Arc::new(SeededRandom::new(1));
            let logs = CapturedLogs::default();
            let capturing = logs.capture();
            let reloading = Reloading::start(&config, clock.clone(), random);
            let reloading = reloading.unwrap().unwrap();
            Self {
                folder,
                clock,
                reloading,
                logs,
                _capturing: capturing,
            }
        }

        fn check(&mut self, reason: CheckReason, times: usize) {
            for _ in 0..times {
                self.reloading.check(reason);
            }
        }

        fn pass(&self, days: i64) {
            self.clock.advance(SignedDuration::from_hours(24 * days));
        }
    }

    #[test]
    fn an_error_is_logged_once_and_at_the_second_check() {
        let mut watched = Watched::new();
        let certificate = watched.reloading.files.certificate.clone();
        let whole = std::fs::read(&certificate).unwrap();
        let served = watched.reloading.served.print;
        std::fs::write(&certificate, &whole[..200]).unwrap();
        watched.check(CheckReason::Periodic, 1);
        // The file may be half written.
        assert_eq!(watched.logs.count("cannot load the changed"), 0);
        watched.check(CheckReason::Periodic, 5);
        assert_eq!(watched.logs.count("is incomplete"), 1);
        // A new error is logged, at once after SIGHUP.
        std::fs::remove_file(&certificate).unwrap();
        watched.check(CheckReason::Requested, 1);
        watched.check(CheckReason::Periodic, 5);
        assert_eq!(watched.logs.count("cannot read"), 1);
        assert_eq!(watched.logs.count("cannot load the changed"), 2);
        std::fs::write(&certificate, &whole).unwrap();
        watched.check(CheckReason::Periodic, 3);
        assert_eq!(watched.logs.count("match the served certificate again"), 1);
        assert_eq!(watched.reloading.served.print, served);
        // An error that comes back is logged again.
        std::fs::write(&certificate, &whole[..200]).unwrap();
        watched.check(CheckReason::Periodic, 5);
        assert_eq!(watched.logs.count("is incomplete"), 2);
    }

    #[test]
    fn once_a_day_the_expiry_is_logged_and_the_development_certificate_renewed() {
        let mut watched = Watched::new();
        let first = watched.reloading.served.print;
        let day = |watched: &mut Watched| {
            watched.reloading.daily();
            watched.check(CheckReason::Periodic, 1);
        };
        watched.pass(300);
        day(&mut watched);
        assert_eq!(watched.reloading.served.print, first);
        let seen = watched.reloading.not_after();
        let ended_at = *seen.borrow();
        watched.pass(40);
        day(&mut watched);
        assert_ne!(watched.reloading.served.print, first);
        // The metric follows.
        assert!(*seen.borrow() > ended_at);
        assert_eq!(*seen.borrow(), watched.reloading.served.not_after);
        assert_eq!(watched.logs.count("expires within two weeks"), 0);
        // If it cannot be renewed, it expires.
        watched.reloading.development = Some(watched.folder.path().join("nothing/here"));
        watched.pass(355);
        day(&mut watched);
        day(&mut watched);
        assert_eq!(watched.logs.count("failed to renew"), 2);
        assert_eq!(watched.logs.count("expires within two weeks"), 2);
        watched.pass(20);
        day(&mut watched);
        assert_eq!(watched.logs.count("certificate expired"), 1);
    }

    #[test]
    fn a_certificate_that_is_not_valid_does_not_replace_a_valid_one() {
        let mut watched = Watched::new();
        let first = watched.reloading.served.print;
        let later = MADE + SignedDuration::from_hours(24 * 400);
        dev_certificate::ensure(watched.folder.path(), later, &SeededRandom::new(2)).unwrap();
        watched.check(CheckReason::Requested, 1);
        assert_eq!(watched.reloading.served.print, first);
        assert_eq!(watched.logs.count("provide one that is valid now"), 1);
        watched.pass(400);
        watched.check(CheckReason::Periodic, 1);
        assert_ne!(watched.reloading.served.print, first);
    }
}
