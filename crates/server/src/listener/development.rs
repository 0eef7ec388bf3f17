//! A certificate for trying out: signed by itself, for this machine alone, kept in the data folder.
//!
//! It is made once, so that who has told a program to trust it has done so for a year.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp, ToSpan};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use zeroize::Zeroizing;

use super::certificate::Files;

/// What it is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// It is made anew where it ends within this time.
const RENEWAL: SignedDuration = SignedDuration::from_hours(24 * 30);
const CERTIFICATE: &str = "development-certificate.pem";
const KEY: &str = "development-key.pem";

/// Where it is, or will be.
pub fn files(data_dir: &Path) -> Files {
    Files {
        certificate: data_dir.join(CERTIFICATE),
        key: data_dir.join(KEY),
    }
}

/// Makes one, where there is none that is good for a while.
pub fn ensure(data_dir: &Path, now: Timestamp) -> anyhow::Result<()> {
    let files = files(data_dir);
    let is_good = files.load().is_ok_and(|pair| {
        pair.begins_at <= now
            && pair.ends_at.duration_since(now) > RENEWAL
            && NAMES.iter().all(|name| pair.is_for(name))
    });
    if is_good {
        return Ok(());
    }
    make(&files, now).context("the development certificate cannot be made")
}

fn make(files: &Files, now: Timestamp) -> anyhow::Result<()> {
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
    // A clock that is behind by a few hours still takes it.
    params.not_before = day(today.checked_sub(1.day())?)?;
    params.not_after = day(today.checked_add(1.year())?)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let secret = Zeroizing::new(key.serialize_der());
    // The key first: one without its certificate is made anew as well.
    write(&files.key, &pem("PRIVATE KEY", &secret))?;
    write(&files.certificate, &pem("CERTIFICATE", certificate.der()))
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

/// Whole or not at all, and for its owner alone.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let writing = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    };
    writing().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    const MADE: Timestamp = Timestamp::constant(1_800_000_000, 0);

    #[test]
    fn it_is_made_once_and_anew_near_its_end_or_where_it_is_broken() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let mut last = Vec::new();
        let mut is_new = |day: i64| {
            ensure(folder.path(), MADE + SignedDuration::from_hours(24 * day)).unwrap();
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
}
