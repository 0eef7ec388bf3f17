//! The server's certificate: whether it is valid, for which name and until when, and the mode of its key.

use std::os::unix::fs::MetadataExt;

use doorward_domain::checkup::Finding;
use doorward_domain::ports::Clock;
use jiff::Timestamp;

use crate::config::{Config, host_of};
use crate::listener::certificate::{CertificateStatus, Files, Pair};
use crate::system::SystemClock;

const PART: &str = "tls: certificate";
const NAME: &str = "tls: name";
const KEY: &str = "tls: key";

/// Returns nothing if the server has no TLS.
pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let Some(files) = Files::of(config) else {
        return Vec::new();
    };
    if config.development_tls && !files.certificate.exists() {
        return vec![Finding::fine(PART, "is created at the first start")];
    }
    let mut findings = Vec::new();
    match files.load() {
        Ok(pair) => {
            findings.push(time(&pair, SystemClock::default().now()));
            findings.push(name(&pair, host_of(&config.public_url(config.listen))));
        }
        Err(error) => findings.push(Finding::fault(
            PART,
            format!("{error:#}"),
            "Fix the files. The server does not start with them; a running server keeps its certificate",
        )),
    }
    findings.extend(key(&files));
    findings
}

fn time(pair: &Pair, now: Timestamp) -> Finding {
    let (begins, ends) = (pair.not_before, pair.not_after);
    let hint = "Check the renewal job. Doorward loads the new certificate by itself";
    match pair.status(now) {
        CertificateStatus::Expired => {
            let found = format!("expired at {ends}");
            Finding::fault(PART, found, hint)
        }
        CertificateStatus::NotYet => {
            let hint = "Check this machine's clock, or wait";
            Finding::fault(PART, format!("not valid before {begins}"), hint)
        }
        CertificateStatus::EndsSoon => {
            Finding::warning(PART, format!("expires within two weeks, at {ends}"), hint)
        }
        CertificateStatus::Good => {
            Finding::fine(PART, format!("matches its key and is valid until {ends}"))
        }
    }
}

fn name(pair: &Pair, host: &str) -> Finding {
    if pair.is_for(host) {
        return Finding::fine(NAME, format!("is for {host}, as `public_url` is"));
    }
    Finding::warning(
        NAME,
        format!("is not for {host}, the host of `public_url`"),
        "Get a certificate for that name, unless a proxy in front serves its own",
    )
}

/// `None` if it cannot be read: loading it has failed already.
fn key(files: &Files) -> Option<Finding> {
    let shown = files.key.display();
    let mode = std::fs::metadata(&files.key).ok()?.mode() & 0o777;
    if mode & 0o007 == 0 {
        return Some(Finding::fine(KEY, format!("{shown}, mode {mode:04o}")));
    }
    Some(Finding::warning(
        KEY,
        format!("every user of this machine can read {shown} (mode {mode:04o})"),
        format!("Run `chmod 600 {shown}`, and make the user that runs Doorward its owner"),
    ))
}

#[cfg(test)]
mod tests {
    use doorward_domain::checkup::Verdict;
    use doorward_domain::memory::SeededSecrets;
    use jiff::ToSpan;

    use super::*;
    use crate::listener::development;

    #[test]
    fn a_certificate_is_judged_by_the_time_and_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let made = Timestamp::constant(1_800_000_000, 0);
        development::ensure(folder.path(), made, &SeededSecrets::new(1)).unwrap();
        let pair = development::files(folder.path()).load().unwrap();
        let end = pair.not_after;
        for (now, verdict) in [
            (made - 48.hours(), Verdict::Fault),
            (made, Verdict::Fine),
            (end - 336.hours(), Verdict::Fine),
            (end - 335.hours(), Verdict::Warning),
            (end - 1.second(), Verdict::Warning),
            (end, Verdict::Fault),
        ] {
            assert_eq!(time(&pair, now).verdict, verdict, "{now}");
        }
        for (host, verdict) in [
            ("localhost", Verdict::Fine),
            ("127.0.0.1", Verdict::Fine),
            ("[::1]", Verdict::Fine),
            ("example.com", Verdict::Warning),
            ("not a name", Verdict::Warning),
        ] {
            assert_eq!(name(&pair, host).verdict, verdict, "{host}");
        }
    }
}
