//! The configuration of an in-memory server (`serve --ephemeral`).
//!
//! It runs inside other projects, whose `.env` and `DATABASE_URL` are not meant for it. So it reads no file, and only
//! the variables of these settings, by their long names.

use std::net::SocketAddr;

use doorward_domain::passwords::hashing::Cost;

use super::Config;

/// The settings that are read.
pub const ALLOWED_SETTINGS: &[&str] = &[
    "listen",
    "enumeration_protection",
    "sign_up.confirm_email",
    "password.min_length",
    "throttle.enabled",
    "admin.password",
    "admin.email",
    "log.filter",
    "log.format",
];

/// Nothing is stored, so hashes are cheap.
const EPHEMERAL_COST: Cost = Cost {
    memory_kib: 8,
    passes: 1,
    lanes: 1,
};

/// The defaults.
pub(super) fn defaults() -> Config {
    let mut config = Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        log_filter: "warn".to_owned(),
        ..Config::default()
    };
    config.hashing.cost = EPHEMERAL_COST;
    config.policy.throttle = false;
    config
}

#[cfg(test)]
mod tests {
    use super::super::Setting;
    use super::*;
    use crate::cli::serve::EXAMPLES;

    #[test]
    fn what_counts_is_a_setting_and_help_and_page_name_it() {
        // Read when the test runs: the container's build has no docs.
        let page = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/integrate/testing.md"
        );
        let page = std::fs::read_to_string(page).unwrap();
        for key in ALLOWED_SETTINGS {
            let setting = Setting::find(key);
            let name = setting.unwrap().env_var();
            assert!(EXAMPLES.contains(&name), "{name}");
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }
}
