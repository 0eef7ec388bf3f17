//! Tests of the settings, and their reference page.

use doorward_testkit::repository::assert_generated;

use super::*;

/// C-10: the page is generated from the table.
#[test]
fn configuration_md_is_up_to_date() {
    let mut text = String::from(
        "# Configuration\n\nEach setting is a key of `doorward.toml` (or of the file `--config` names), and a variable of the environment or of a `.env` file. \
         The environment overrides `.env`, `.env` overrides the file, the file overrides the default. Unknown keys are errors.\n\
         `doorward config show` shows the source of every value; `doorward config check` validates the configuration.\n\n\
         | key | variable | default | meaning |\n| --- | --- | --- | --- |\n",
    );
    for setting in SETTINGS {
        let alias = setting
            .alias
            .map(|name| format!(", `{name}`"))
            .unwrap_or_default();
        let value = match (setting.default_shown, (setting.show)(&Config::default())) {
            (Some(shown), _) => shown.to_owned(),
            (None, value) if value.is_empty() => "–".to_owned(),
            (None, value) => format!("`{value}`"),
        };
        text += &format!(
            "| `{}` | `{}`{alias} | {value} | {} |\n",
            setting.key,
            setting.env_var(),
            setting.help
        );
    }
    assert_generated("docs/CONFIGURATION.md", &text);
}

#[test]
fn a_displayed_value_can_be_parsed_again() {
    for setting in SETTINGS {
        let mut config = Config::default();
        let shown = (setting.show)(&config);
        if !shown.is_empty() {
            assert_eq!(
                (setting.set)(&mut config, &shown),
                Ok(()),
                "{}",
                setting.key
            );
            assert_eq!((setting.show)(&config), shown, "{}", setting.key);
        }
    }
}

#[test]
fn limits_are_inclusive() {
    for (key, low, high) in [
        ("password.min_length", 8, 64),
        ("hashing.memory_kib", 19_456, 262_144),
        ("hashing.passes", 2, 10),
        ("hashing.lanes", 1, 8),
        ("hashing.threads", 1, 256),
        ("hashing.queue_limit", 1, 10_000),
        ("account.deletion_days", 0, 90),
        ("audit.retention_days", 0, 36500),
        ("keys.rotate_after_days", 1, 3650),
        ("throttle.lockout_after", 10, 100),
        ("database.max_connections", 1, 500),
        ("database.connect_timeout_seconds", 1, 60),
        ("database.statement_timeout_seconds", 1, 60),
        ("shutdown.drain_seconds", 0, 300),
        ("limits.connections", 16, 100_000),
        ("limits.connections_per_address", 1, 100_000),
        ("limits.outbox", 100, 1_000_000),
        ("session.reauthenticate_after_minutes", 0, 1440),
        ("session.idle_timeout_minutes", 0, 43_200),
        ("session.admin_idle_timeout_minutes", 0, 43_200),
    ] {
        let setting = Setting::find(key).unwrap();
        let takes = |value: i64| (setting.set)(&mut Config::default(), &value.to_string()).is_ok();
        assert!(takes(low) && takes(high), "{key}");
        assert!(!takes(low - 1) && !takes(high + 1) && !takes(-1), "{key}");
    }
}

#[test]
fn invalid_values_are_rejected() {
    for (key, value) in [
        ("listen", "localhost"),
        ("public_url", "accounts.example.com"),
        ("public_url", "https://user@example.com"),
        ("public_url", "https://"),
        ("public_url", "https://example.com/accounts"),
        ("public_url", "http://localhost:80:80"),
        ("public_url", "https://example.com:"),
        ("public_url", "https://example.com:99999"),
        ("public_url", "https://:443"),
        ("trusted_proxies", "localhost"),
        ("trusted_proxies", "0.0.0.0/0"),
        ("cors.origins", "*"),
        ("cors.origins", "https://*.example.com"),
        ("cors.origins", "null"),
        ("return_to.origins", "app.example.com"),
        ("console.enabled", "sometimes"),
        ("console.networks", "office"),
        ("console.networks", "10.1.2.3/8"),
        ("api.require_if_match", "sometimes"),
        ("brand.name", "Example\nAccounts"),
        ("brand.accent", "green"),
        ("brand.terms_url", "http://example.com/terms"),
        ("brand.privacy_url", "javascript:alert(1)"),
        ("brand.support", "mailto:support"),
        ("enumeration_protection", "plain"),
        ("sign_up.confirm_email", "never"),
        ("sign_up.policy", "friends"),
        ("sign_up.domains", "*.example.com"),
        ("database.url", "oracle:x"),
        ("database.url", "postgres:ben:secret@127.0.0.1/d"),
        ("database.url", "postgres://h"),
        ("database.url", "postgres://h1,h2/d"),
        ("database.url", "mysql://h/d?tls=1"),
        ("redis.url", "http://x"),
        ("redis.url", "redis://"),
        ("redis.url", "redis://a/b"),
        ("redis.url", "rediss://a?verify=no"),
        ("redis.prefix", "{x}:"),
        ("mail.url", "ftp://x"),
        ("throttle.enabled", "maybe"),
        ("throttle.sign_in", "30"),
        ("throttle.sign_up", "0/1h"),
        ("throttle.mail", "3/2d"),
        ("trusted_proxy_header", "x-real-ip"),
        ("log.format", "xml"),
        ("factors.required", "some"),
        ("factors.issuer", "Example: accounts"),
        ("factors.issuer", " "),
        ("factors.issuer", "a\nb"),
        ("factors.issuer", &"é".repeat(65)),
        ("admin.email", "not an address"),
        ("metrics.listen", "9464"),
        ("traces.endpoint", "localhost:4318"),
        ("traces.endpoint", "http://user:secret@localhost"),
        ("traces.endpoint", "http://localhost/?key=secret"),
        ("traces.url", "localhost:4318/v1/traces"),
        ("traces.headers", "secret"),
        ("traces.sample_ratio", "1.1"),
        ("traces.sample_ratio", "NaN"),
    ] {
        let setting = Setting::find(key).unwrap();
        assert!(
            (setting.set)(&mut Config::default(), value).is_err(),
            "{key} = {value}"
        );
    }
}
