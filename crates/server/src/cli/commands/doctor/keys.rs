//! Checks that the master key unseals the signing keys in the database: the two are often restored separately.

use doorward_domain::diagnostics::Diagnostic;
use doorward_domain::keys::Keyring;
use doorward_domain::model::SigningKey;
use doorward_domain::store::{Records, Store};

use crate::config::Config;
use crate::data_dir::master_key;
use crate::database::Database;

const PART: &str = "master key";

/// The diagnostic, and the ids of the keys. `None` if the database cannot be read, which is a separate diagnostic.
pub(super) async fn diagnose(
    config: &Config,
    store: &dyn Store,
) -> Option<(Diagnostic, Vec<String>)> {
    let keys: Vec<SigningKey> = store.list(SigningKey::newest_first()).await.ok()?;
    let names = keys.iter().map(|key| key.kid.clone()).collect();
    Some((check_keys(config, &keys), names))
}

fn check_keys(config: &Config, keys: &[SigningKey]) -> Diagnostic {
    let file = master_key::path(&config.data_dir);
    let restore = format!(
        "Set JWT_SECRET_KEY to its former value, or restore {} from the backup of that time",
        file.display()
    );
    match master_key::find(config) {
        Ok(Some(master)) => match Keyring::new(master).load(keys) {
            Ok(_) if keys.is_empty() => {
                Diagnostic::passed(PART, "present; the database has no signing keys yet")
            }
            Ok(_) => Diagnostic::passed(PART, "unseals the signing keys in the database"),
            Err(error) => Diagnostic::failed(PART, error.to_string(), restore),
        },
        Ok(None) if !keys.is_empty() => Diagnostic::failed(
            PART,
            "the signing keys in the database are sealed with another master key",
            restore,
        ),
        Ok(None) if Database::file(config).is_none() => Diagnostic::warning(
            PART,
            format!("not set, so each node creates its own {}", file.display()),
            "If several nodes share a database, set the same JWT_SECRET_KEY on all (`openssl rand -base64 48`)",
        ),
        Ok(None) => Diagnostic::passed(
            PART,
            format!("is created at the first start: {}", file.display()),
        ),
        Err(error) => super::failed(PART, &format!("{error:#}"), &restore),
    }
}
