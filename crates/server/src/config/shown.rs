//! The settings as the console shows them: with their origins, secrets masked.

use doorward_web::ShownSetting;

use super::{Config, LoadedConfig, SETTINGS, Setting, redact};

/// All settings, in the order of the reference.
pub fn shown_settings(loaded: &LoadedConfig) -> Vec<ShownSetting> {
    let defaults = Config::default();
    let shown = |setting: &Setting| {
        let value = (setting.show)(&loaded.config);
        ShownSetting {
            key: setting.key,
            help: setting.help,
            is_changed: value != (setting.show)(&defaults),
            value: match setting.secret {
                true => redact(&value),
                false => value,
            },
            origin: loaded.origins.get(setting.key).cloned(),
        }
    };
    SETTINGS.iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_changed_setting_has_its_origin_and_a_secret_is_masked() {
        let mut config = Config::default();
        let setting = |key: &str| SETTINGS.iter().find(|setting| setting.key == key).unwrap();
        (setting("admin.password").set)(&mut config, "three boats on a lake").unwrap();
        let origins = BTreeMap::from([("admin.password", "environment ADMIN_PASSWORD".to_owned())]);
        let loaded = LoadedConfig::of(config, origins);
        let shown = shown_settings(&loaded);
        assert_eq!(shown.len(), SETTINGS.len());
        let changed: Vec<_> = shown.iter().filter(|setting| setting.is_changed).collect();
        assert_eq!(changed.len(), 1, "{changed:?}");
        assert_eq!(changed[0].key, "admin.password");
        assert_eq!(
            changed[0].origin.as_deref(),
            Some("environment ADMIN_PASSWORD")
        );
        assert!(
            shown.iter().all(|setting| !setting.value.contains("boats")),
            "{shown:?}"
        );
    }

    #[test]
    fn every_secret_is_masked() {
        let values = [
            "postgres://ada:boats@db.example/doorward",
            "redis://ada:boats@cache.example",
            "smtp://ada:boats@mail.example:587",
            "authorization=boats",
            "boats-hV9x-2mKq_7rLw4TzB8nYcEe6sJd3GuPaX",
        ];
        let secrets = SETTINGS.iter().filter(|setting| setting.secret);
        let mut count = 0;
        for setting in secrets {
            let mut config = Config::default();
            let mut known = values.iter();
            let value = known.find(|value| (setting.set)(&mut config, value).is_ok());
            assert!(value.is_some(), "{}", setting.key);
            let shown = shown_settings(&LoadedConfig::of(config, BTreeMap::new()));
            let shown = shown.iter().find(|shown| shown.key == setting.key).unwrap();
            assert!(
                shown.is_changed && !shown.value.contains("boats"),
                "{shown:?}"
            );
            count += 1;
        }
        assert!(count >= 8, "{count}");
    }
}
