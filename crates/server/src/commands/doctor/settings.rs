//! Settings that work and are worth a word.

use std::path::Path;

use doorward_domain::checkup::Finding;

use crate::breached::Filter;
use crate::config::{Config, host_of, is_loopback_url};
use crate::wiring;

/// What NIST SP 800-63B-4 asks for where the password is the only factor (P-01).
const NIST_ALONE: usize = 15;

pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(error) = wiring::check_admin_password(config) {
        let mend = "set another, or none: then one is made and shown once";
        findings.push(Finding::fault("admin", format!("{error:#}"), mend));
    }
    if !config.throttle {
        findings.push(Finding::warning(
            "throttle",
            "off: nobody who guesses passwords is slowed down",
            "leave `throttle.enabled` out, but for load tests",
        ));
    }
    let public_url = config.public_url(config.listen);
    if public_url.starts_with("http://") && !is_loopback_url(&public_url) {
        let found = format!(
            "passwords and sessions cross the network to {} in clear",
            host_of(&public_url)
        );
        let mend = "put a proxy with TLS in front, and make `public_url` https";
        findings.push(Finding::warning("public URL", found, mend));
    }
    findings.push(passwords(config.password_min_length));
    findings.extend(config.breached_filter.as_deref().map(breached));
    findings
}

/// Reads all of the file: a server looks at the buckets it is asked for.
fn breached(path: &Path) -> Finding {
    const PART: &str = "breached passwords";
    let checked = Filter::open(path).and_then(|filter| {
        filter.check()?;
        Ok(filter.facts())
    });
    match checked {
        Ok(facts) => Finding::fine(PART, format!("{} in {}", facts.count, path.display())),
        Err(error) => {
            let mend = "give the server read access to it, or build it anew with `doorward passwords build-filter`; without one, leave `password.breached_filter` out";
            Finding::fault(PART, format!("{error:#}"), mend)
        }
    }
}

fn passwords(min_length: usize) -> Finding {
    let found = if min_length < NIST_ALONE {
        format!(
            "at least {min_length} characters; NIST asks for {NIST_ALONE} where the password is the only factor (`password.min_length`)"
        )
    } else {
        format!("at least {min_length} characters")
    };
    Finding::fine("passwords", found)
}
