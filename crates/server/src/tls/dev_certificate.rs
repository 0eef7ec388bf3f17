//! A self-signed certificate for development, in the data folder, for this machine only.
//!
//! It is created once and valid for a year, so that a program that trusts it does so for a year.

use std::fs::File;
use std::path::Path;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward_domain::clock::RandomSource;
use jiff::{SignedDuration, Timestamp, ToSpan};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use zeroize::Zeroizing;

use super::certificate::CertificateFiles;
use crate::data_dir::private_file::{self, Existing};

/// The names in the certificate.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// It is replaced if it expires within this time.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_hours(24 * 30);
const CERTIFICATE: &str = "development-certificate.pem";
const KEY: &str = "development-key.pem";

/// The paths of its files.
pub fn files(data_dir: &Path) -> CertificateFiles {
    CertificateFiles {
        certificate: data_dir.join(CERTIFICATE),
        key: data_dir.join(KEY),
    }
}

/// Creates the certificate, unless there is one that is valid for long enough.
pub fn ensure(data_dir: &Path, now: Timestamp, random: &dyn RandomSource) -> anyhow::Result<()> {
    // Two processes that start at once would mix their keys and certificates.
    let lock = File::open(data_dir).and_then(|folder| folder.lock().map(|()| folder));
    let _lock = lock.with_context(|| format!("cannot lock {}", data_dir.display()))?;
    let files = files(data_dir);
    let is_good = files.load().is_ok_and(|pair| {
        pair.not_before <= now
            && pair.not_after.duration_since(now) > RENEW_BEFORE
            && NAMES.iter().all(|name| pair.matches_host(name))
    });
    if is_good {
        return Ok(());
    }
    make(&files, now, random).context("cannot create the development certificate")
}

fn make(files: &CertificateFiles, now: Timestamp, random: &dyn RandomSource) -> anyhow::Result<()> {
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let day = |date: jiff::civil::Date| -> anyhow::Result<_> {
        let (month, day) = (u8::try_from(date.month())?, u8::try_from(date.day())?);
        Ok(date_time_ymd(date.year().into(), month, day))
    };
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params.distinguished_name.push(
        DnType::CommonName,
        "Doorward, for development on this machine",
    );
    // Clients whose clocks are a few hours behind accept it.
    params.not_before = day(today.checked_sub(1.day())?)?;
    params.not_after = day(today.checked_add(1.year())?)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let secret = Zeroizing::new(key.serialize_der());
    // The key first: a key without its certificate is replaced too.
    for (path, text) in [
        (&files.key, pem("PRIVATE KEY", &secret)),
        (&files.certificate, pem("CERTIFICATE", certificate.der())),
    ] {
        private_file::write(path, text.as_bytes(), Existing::Replace, random)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let text = Zeroizing::new(STANDARD.encode(der));
    let mut pem = Zeroizing::new(format!("-----BEGIN {label}-----\n"));
    for line in text.as_bytes().chunks(64) {
        pem.extend(line.iter().copied().map(char::from));
        pem.push('\n');
    }
    *pem += &format!("-----END {label}-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use doorward_domain::memory::SeededRandom;

    use super::*;

    const MADE: Timestamp = Timestamp::constant(1_800_000_000, 0);

    #[test]
    fn it_is_created_once_and_replaced_before_it_expires_or_if_it_is_broken() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let (mut last, random) = (Vec::new(), SeededRandom::new(1));
        let mut is_new = |day: i64| {
            let now = MADE + SignedDuration::from_hours(24 * day);
            ensure(folder.path(), now, &random).unwrap();
            let before = std::mem::replace(&mut last, std::fs::read(&files.certificate).unwrap());
            before != last
        };
        assert!(is_new(0));
        assert!(!is_new(0) && !is_new(333));
        assert!(is_new(336));
        assert!(!is_new(337));
        std::fs::write(&files.key, "half a key").unwrap();
        assert!(is_new(337));
        for file in [&files.key, &files.certificate] {
            let mode = std::fs::metadata(file).unwrap().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", file.display());
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn two_processes_that_start_at_once_share_one_pair() {
        for round in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            std::thread::scope(|scope| {
                for one in 0..4 {
                    let folder = folder.path();
                    scope.spawn(move || {
                        let random = SeededRandom::new(one);
                        ensure(folder, MADE, &random).unwrap();
                        files(folder).load().unwrap();
                    });
                }
            });
            let left = std::fs::read_dir(folder.path()).unwrap().count();
            assert_eq!(left, 2, "{round}");
        }
    }
}
