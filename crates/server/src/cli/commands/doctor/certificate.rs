//! The server's certificate: whether it is valid, for which name and until when.

use doorward_domain::clock::Clock;
use doorward_domain::diagnostics::Diagnostic;
use jiff::Timestamp;

use crate::config::{Config, host_of};
use crate::system::SystemClock;
use crate::tls::certificate::{CertificateFiles, CertificatePair, CertificateStatus};

const PART: &str = "tls: certificate";
const NAME: &str = "tls: name";

/// Returns nothing if the server has no TLS.
pub(super) fn diagnose(config: &Config) -> Vec<Diagnostic> {
    let Some(files) = CertificateFiles::from_config(config) else {
        return Vec::new();
    };
    if config.development_tls && !files.certificate.exists() {
        return vec![Diagnostic::passed(PART, "is created at the first start")];
    }
    let mut diagnostics = Vec::new();
    match files.load() {
        Ok(pair) => {
            diagnostics.push(time(&pair, SystemClock::default().now()));
            diagnostics.push(name(&pair, host_of(&config.public_url(config.listen))));
        }
        Err(error) => diagnostics.push(Diagnostic::failed(
            PART,
            format!("{error:#}"),
            "Fix the files. The server does not start with them; a running server keeps its certificate",
        )),
    }
    diagnostics
}

fn time(pair: &CertificatePair, now: Timestamp) -> Diagnostic {
    let (begins, ends) = (pair.not_before, pair.not_after);
    let hint = "Check the renewal job. Doorward loads the new certificate by itself";
    match pair.status(now) {
        CertificateStatus::Expired => {
            let message = format!("expired at {ends}");
            Diagnostic::failed(PART, message, hint)
        }
        CertificateStatus::NotYetValid => {
            let hint = "Check this machine's clock, or wait";
            Diagnostic::failed(PART, format!("not valid before {begins}"), hint)
        }
        CertificateStatus::ExpiresSoon => {
            Diagnostic::warning(PART, format!("expires within two weeks, at {ends}"), hint)
        }
        CertificateStatus::Valid => {
            Diagnostic::passed(PART, format!("matches its key and is valid until {ends}"))
        }
    }
}

fn name(pair: &CertificatePair, host: &str) -> Diagnostic {
    if pair.matches_host(host) {
        return Diagnostic::passed(NAME, format!("is for {host}, as `public_url` is"));
    }
    Diagnostic::warning(
        NAME,
        format!("is not for {host}, the host of `public_url`"),
        "Get a certificate for that name, unless a proxy in front serves its own",
    )
}

#[cfg(test)]
mod tests {
    use doorward_domain::diagnostics::CheckStatus;
    use doorward_domain::memory::SeededRandom;
    use jiff::ToSpan;

    use super::*;
    use crate::tls::dev_certificate;

    #[test]
    fn a_certificate_is_judged_by_the_time_and_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let made = Timestamp::constant(1_800_000_000, 0);
        dev_certificate::ensure(folder.path(), made, &SeededRandom::new(1)).unwrap();
        let pair = dev_certificate::files(folder.path()).load().unwrap();
        let end = pair.not_after;
        for (now, status) in [
            (made - 48.hours(), CheckStatus::Failed),
            (made, CheckStatus::Passed),
            (end - 336.hours(), CheckStatus::Passed),
            (end - 335.hours(), CheckStatus::Warning),
            (end - 1.second(), CheckStatus::Warning),
            (end, CheckStatus::Failed),
        ] {
            assert_eq!(time(&pair, now).status, status, "{now}");
        }
        for (host, status) in [
            ("localhost", CheckStatus::Passed),
            ("127.0.0.1", CheckStatus::Passed),
            ("[::1]", CheckStatus::Passed),
            ("example.com", CheckStatus::Warning),
            ("not a name", CheckStatus::Warning),
        ] {
            assert_eq!(name(&pair, host).status, status, "{host}");
        }
    }
}
