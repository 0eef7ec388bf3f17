//! Settings that are valid and weaken a server.

use std::path::Path;

use doorward_domain::diagnostics::Diagnostic;

use super::warning;
use crate::breached::Filter;
use crate::config::{Config, host_of, is_loopback_url};
use crate::wiring;

/// Minimum length by NIST SP 800-63B-4 if the password is the only factor (P-01).
const NIST_MIN_LENGTH: usize = 15;

pub(super) fn diagnose(config: &Config) -> Vec<Diagnostic> {
    // The warnings that the server logs at its start, such as files that others can read.
    let warnings = config.general_warnings();
    let mut diagnostics: Vec<_> = warnings.iter().map(|text| warning(text)).collect();
    if let Err(error) = wiring::check::check_admin_password(config) {
        let hint = "Set another one, or remove it: then one is generated and printed once";
        diagnostics.push(Diagnostic::failed("admin", format!("{error:#}"), hint));
    }
    if let Err(error) = wiring::check::check_texts(config) {
        let hint = "Correct the file, or remove `pages.texts`";
        diagnostics.push(Diagnostic::failed("pages", format!("{error:#}"), hint));
    }
    if !config.policy.throttle {
        diagnostics.push(Diagnostic::warning(
            "throttle",
            "off: password guessing is not limited",
            "Remove `throttle.enabled` except in load tests",
        ));
    }
    if !config.policy.confirm_email {
        diagnostics.push(Diagnostic::warning(
            "sign-up",
            "addresses are stored as confirmed without a confirmation mail, so anyone can sign up with an address that is not theirs",
            "Remove `sign_up.confirm_email`, except on a closed network or in tests",
        ));
    }
    let public_url = config.public_url(config.listen);
    if public_url.starts_with("http://") && !is_loopback_url(&public_url) {
        let message = format!(
            "passwords and session tokens travel unencrypted to {}",
            host_of(&public_url)
        );
        let hint = "Put a reverse proxy with TLS in front, and set `public_url` to https";
        diagnostics.push(Diagnostic::warning("public URL", message, hint));
    }
    diagnostics.push(passwords(config.policy.password_rules.min_length));
    diagnostics.extend(config.breached_filter.as_deref().map(breached));
    diagnostics
}

/// Reads the whole file; a server reads only what it looks up.
fn breached(path: &Path) -> Diagnostic {
    const PART: &str = "breached passwords";
    let checked = Filter::open(path).and_then(|filter| {
        filter.check()?;
        Ok(filter.header())
    });
    match checked {
        Ok(header) => Diagnostic::passed(
            PART,
            format!("{} hashes in {}", header.count, path.display()),
        ),
        Err(error) => {
            let hint = "Make it readable, or build it again with `doorward passwords build-filter`. To go without, remove `password.breached_filter`";
            Diagnostic::failed(PART, format!("{error:#}"), hint)
        }
    }
}

fn passwords(min_length: usize) -> Diagnostic {
    let message = if min_length < NIST_MIN_LENGTH {
        format!(
            "at least {min_length} characters; NIST requires {NIST_MIN_LENGTH} if the password is the only factor (`password.min_length`)"
        )
    } else {
        format!("at least {min_length} characters")
    };
    Diagnostic::passed("passwords", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The console shows the checks of this file, too.
    #[test]
    fn a_warning_of_the_start_is_among_the_checks_of_a_running_server() {
        let config = Config {
            metrics_listen: Some("203.0.113.5:9100".parse().unwrap()),
            ..Config::default()
        };
        let expected = Diagnostic::warning(
            "configuration",
            "`metrics.listen` is 203.0.113.5:9100, and the metrics have no authentication",
            "Restrict access to your Prometheus server",
        );
        assert_eq!(diagnose(&config)[0], expected);
    }
}
