//! Reads a certificate and its key from two PEM files.
//!
//! Errors name the file and how to fix it, and contain nothing of a key.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use ring::digest::{SHA256, digest};
use rustix::fs::OFlags;
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, InconsistentKeys};
use zeroize::Zeroizing;

use super::dev_certificate;
use crate::config::Config;

/// The paths of the two files.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    /// The server's certificate, then its issuers.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// The contents of the two files.
pub struct CertificateContents {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

/// A certificate with its key.
#[derive(Debug)]
pub struct CertificatePair {
    /// For rustls.
    pub certified: CertifiedKey,
    /// Start of its validity (RFC 5280).
    pub not_before: Timestamp,
    /// End of its validity.
    pub not_after: Timestamp,
}

/// A certificate that expires within this time should have been renewed.
pub const RENEWAL_WINDOW: SignedDuration = SignedDuration::from_hours(24 * 14);

/// The validity of a certificate at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateStatus {
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It expires soon and should have been renewed.
    ExpiresSoon,
    /// It is valid.
    Valid,
}

impl CertificateStatus {
    /// The validity at `now`.
    pub fn at(not_before: Timestamp, not_after: Timestamp, now: Timestamp) -> Self {
        if not_after <= now {
            Self::Expired
        } else if not_before > now {
            Self::NotYetValid
        } else if not_after.duration_since(now) < RENEWAL_WINDOW {
            Self::ExpiresSoon
        } else {
            Self::Valid
        }
    }

    /// Returns `true` if clients accept it.
    pub fn is_usable(self) -> bool {
        matches!(self, Self::ExpiresSoon | Self::Valid)
    }
}

impl CertificateFiles {
    /// The configured files, or `None` without TLS.
    pub fn from_config(config: &Config) -> Option<Self> {
        if config.development_tls {
            return Some(dev_certificate::files(&config.data_dir));
        }
        Some(Self {
            certificate: config.tls_certificate.clone()?,
            key: config.tls_key.clone()?,
        })
    }

    /// Reads both files.
    pub fn read(&self) -> anyhow::Result<CertificateContents> {
        Ok(CertificateContents {
            certificate: read(&self.certificate)?,
            key: Zeroizing::new(read(&self.key)?),
        })
    }

    /// Reads and parses both files.
    pub fn load(&self) -> anyhow::Result<CertificatePair> {
        self.pair(&self.read()?)
    }

    /// Parses the contents.
    pub fn pair(&self, contents: &CertificateContents) -> anyhow::Result<CertificatePair> {
        let chain = self.chain(&contents.certificate)?;
        let key = self.key(&contents.key)?;
        let certified = match CertifiedKey::from_der(chain, key, &default_provider()) {
            Ok(certified) => certified,
            Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => bail!(
                "the key in {} does not match the first certificate in {}. Use the matching pair, with the server's certificate before those of its issuers",
                self.key.display(),
                self.certificate.display()
            ),
            Err(error @ Error::InvalidCertificate(_)) => bail!(
                "cannot use the first certificate in {} ({error}). It must be an X.509 version 3 certificate",
                self.certificate.display()
            ),
            Err(error) => bail!(
                "cannot use the key in {} ({error}). Create an ECDSA (P-256), Ed25519 or RSA key of at least 2048 bits",
                self.key.display()
            ),
        };
        let validity = certified.cert.first().and_then(|first| validity(first));
        let (not_before, not_after) = validity.with_context(|| {
            format!(
                "the first certificate in {} has no valid expiry time",
                self.certificate.display()
            )
        })?;
        Ok(CertificatePair {
            certified,
            not_before,
            not_after,
        })
    }

    fn chain(&self, pem: &[u8]) -> anyhow::Result<Vec<CertificateDer<'static>>> {
        let shown = self.certificate.display();
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let Ok(chain) = chain else {
            bail!("{shown} is incomplete: a certificate in it has no end or is damaged");
        };
        if chain.is_empty() {
            bail!(
                "{shown} contains no certificate. It must be a PEM file with -----BEGIN CERTIFICATE-----"
            );
        }
        Ok(chain)
    }

    fn key(&self, pem: &[u8]) -> anyhow::Result<PrivateKeyDer<'static>> {
        let shown = self.key.display();
        if let Ok(key) = PrivateKeyDer::from_pem_slice(pem) {
            return Ok(key);
        }
        let text = Zeroizing::new(String::from_utf8_lossy(pem).into_owned());
        if text.contains("ENCRYPTED") {
            bail!(
                "the key in {shown} has a passphrase, which the server cannot enter. Remove it with `openssl pkey -in FILE -out NEW`, and make the new file readable for the server only"
            );
        }
        bail!(
            "{shown} contains no complete private key. It must be a PEM file with -----BEGIN PRIVATE KEY----- (or RSA PRIVATE KEY, or EC PRIVATE KEY)"
        );
    }
}

impl CertificateContents {
    /// Digest of both files, to detect changes without storing the key.
    pub fn print(&self) -> [u8; 32] {
        let both = [
            digest(&SHA256, &self.certificate),
            digest(&SHA256, &self.key),
        ];
        let mut joined = [0; 64];
        joined[..32].copy_from_slice(both[0].as_ref());
        joined[32..].copy_from_slice(both[1].as_ref());
        let mut print = [0; 32];
        print.copy_from_slice(digest(&SHA256, &joined).as_ref());
        print
    }
}

impl CertificatePair {
    /// Its validity at `now`.
    pub fn status(&self, now: Timestamp) -> CertificateStatus {
        CertificateStatus::at(self.not_before, self.not_after, now)
    }

    /// Returns `true` if the certificate is valid for `host`.
    pub fn matches_host(&self, host: &str) -> bool {
        let host = host.trim_matches(['[', ']']).to_owned();
        let (Ok(name), Some(first)) = (ServerName::try_from(host), self.certified.cert.first())
        else {
            return false;
        };
        ParsedCertificate::try_from(first)
            .is_ok_and(|parsed| verify_server_name(&parsed, &name).is_ok())
    }
}

/// Reads regular files only: opening a pipe waits for its writer, and some devices have no end.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let cannot = || {
        format!(
            "cannot read {shown}. It must exist and be readable for the user that runs Doorward"
        )
    };
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(OPEN_FLAGS.bits().cast_signed())
        .open(path)
        .with_context(cannot)?;
    if !file.metadata().with_context(cannot)?.is_file() {
        bail!("{shown} is not a regular file. Use a file, not a pipe, device or folder");
    }
    let mut contents = Vec::new();
    file.read_to_end(&mut contents).with_context(cannot)?;
    Ok(contents)
}

/// Opening does not block, and does not make a terminal the controlling one.
const OPEN_FLAGS: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);

/// Returns the validity of a certificate. rustls checks that of others, but does not return that of the server's own.
pub(crate) fn validity(certificate: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut rest, _) = element(certificate)?;
    // The version may be left out; then come the serial number, the algorithm and the issuer.
    if rest.first() == Some(&VERSION) {
        rest = element(rest)?.2;
    }
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    let (_, validity, _) = element(rest)?;
    let (kind, begins, rest) = element(validity)?;
    let begins = time(kind, begins)?;
    let (kind, ends, _) = element(rest)?;
    Some((begins, time(kind, ends)?))
}

const VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Returns the first element of DER: its tag, its content, and the rest.
pub(crate) fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&kind, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first & 0x80 != 0 {
        let (digits, after) = rest.split_at_checked(usize::from(first & 0x7F).min(5))?;
        rest = after;
        length = digits
            .iter()
            .fold(0, |length, &digit| length << 8 | usize::from(digit));
    }
    let (content, rest) = rest.split_at_checked(length)?;
    Some((kind, content, rest))
}

/// `YYMMDDHHMMSSZ` for the years 1950 to 2049, `YYYYMMDDHHMMSSZ` otherwise (RFC 5280, 4.1.2.5).
fn time(kind: u8, content: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
    let text = match kind {
        UTC_TIME if text >= "50" => format!("19{text}"),
        UTC_TIME => format!("20{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let time = DateTime::strptime("%Y%m%d%H%M%S", &text).ok()?;
    let zoned = time.to_zoned(jiff::tz::TimeZone::UTC);
    // The last second of the year 9999 means no expiry, and is later than any timestamp here.
    Some(zoned.map_or(Timestamp::MAX, |zoned| zoned.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::dev_certificate;
    use doorward_domain::memory::SeededRandom;

    const MADE: Timestamp = Timestamp::constant(1_800_000_000, 0);

    #[test]
    fn a_certificate_has_a_validity_period() {
        let folder = tempfile::tempdir().unwrap();
        dev_certificate::ensure(folder.path(), MADE, &SeededRandom::new(1)).unwrap();
        let pair = dev_certificate::files(folder.path()).load().unwrap();
        let day = |time: Timestamp| time.strftime("%F").to_string();
        assert_eq!(day(MADE), "2027-01-15");
        assert_eq!(day(pair.not_before), "2027-01-14");
        assert_eq!(day(pair.not_after), "2028-01-15");
    }

    #[test]
    fn times_are_read_as_rfc_5280_writes_them() {
        for (kind, text, read) in [
            (UTC_TIME, "261121180000Z", "2026-11-21T18:00:00Z"),
            (UTC_TIME, "491231235959Z", "2049-12-31T23:59:59Z"),
            (UTC_TIME, "500101000000Z", "1950-01-01T00:00:00Z"),
            (GENERALIZED_TIME, "20500101000000Z", "2050-01-01T00:00:00Z"),
        ] {
            let read: Timestamp = read.parse().unwrap();
            assert_eq!(time(kind, text.as_bytes()), Some(read), "{text}");
        }
        let endless = time(GENERALIZED_TIME, b"99991231235959Z");
        assert_eq!(endless, Some(Timestamp::MAX));
        for (kind, text) in [
            (UTC_TIME, "261121180000"),
            (UTC_TIME, "2611211800Z"),
            (UTC_TIME, "261321180000Z"),
            (UTC_TIME, "é61121180000Z"),
            (0x04, "261121180000Z"),
        ] {
            assert_eq!(time(kind, text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_truncated_certificate_has_no_validity_period() {
        let folder = tempfile::tempdir().unwrap();
        dev_certificate::ensure(folder.path(), MADE, &SeededRandom::new(1)).unwrap();
        let pair = dev_certificate::files(folder.path()).load().unwrap();
        let whole = pair.certified.cert[0].to_vec();
        assert!(validity(&whole).is_some());
        for length in 0..whole.len() {
            assert_eq!(validity(&whole[..length]), None);
        }
    }
}
