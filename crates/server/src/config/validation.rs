//! Checks of settings that contradict each other (C-01).
//!
//! A combination is an error if one setting would have no effect or would defeat the other. A default never
//! contradicts another setting. Each message has two parts, the fault and, as its last sentence, what to change:
//! `doctor` splits them. To add a check, add it to the function of its subject and to the table of tests below.

use std::net::SocketAddr;

use doorward_mail::{TransportSettings, parse_transport};
use doorward_store_redis::RedisUrl;
use doorward_web::{ForwardedBy, TrustedProxies};

use super::file_permissions::exposed_files;
use super::{Config, is_loopback_url};
use crate::data_dir::master_key;

impl Config {
    /// Returns every contradiction.
    pub fn check(&self) -> Vec<String> {
        let mut faults = self.check_addresses();
        faults.extend(self.check_origins());
        faults.extend(self.check_tls());
        faults.extend(self.check_proxies_and_limits());
        faults.extend(self.check_secrets());
        faults.extend(self.fault_of_unconfirmed_addresses());
        faults
    }

    /// Returns what the server accepts and logs as a warning at its start.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.general_warnings();
        let is_public = !self.is_local_only();
        if is_public && !self.policy.throttle {
            warnings.push("`throttle.enabled` is false, so password guessing and form floods are not limited. Remove the setting except in load tests".to_owned());
        }
        if is_public
            && matches!(
                parse_transport(&self.mail_url()),
                Ok(TransportSettings::Log)
            )
        {
            warnings.push("mails are written to the log with their links, so everyone who can read the log can use them. Set `mail.url` (SMTP_URL) to a mail server".to_owned());
        }
        let redis = self.redis_url.as_ref().map(|url| url.expose().parse());
        if let Some(Ok(url)) = redis
            && RedisUrl::is_unencrypted(&url)
        {
            warnings.push("the connection to Redis is not encrypted and crosses a network. Use rediss:// in `redis.url` (REDIS_URL)".to_owned());
        }
        warnings
    }

    /// Returns the warnings that no other check of `doctor` includes.
    pub fn general_warnings(&self) -> Vec<String> {
        let mut warnings = exposed_files(self);
        warnings.extend(self.options.brand.accent_note());
        let collector = self.traces_url.iter().chain(&self.traces_endpoint).next();
        if let Some(url) = collector
            && url.starts_with("http://")
            && !is_loopback_url(url)
        {
            let with = match &self.traces_headers {
                Some(_) => " with the secret of `traces.headers`",
                None => "",
            };
            warnings.push(format!("traces are sent unencrypted to another machine{with}. Use https in `traces.endpoint` (OTEL_EXPORTER_OTLP_ENDPOINT)"));
        }
        if let Some(address) = self.metrics_listen
            && !address.ip().is_loopback()
        {
            warnings.push(format!("`metrics.listen` is {address}, and the metrics have no authentication. Restrict access to your Prometheus server"));
        }
        warnings
    }

    fn check_addresses(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let is_local = self.listen.ip().is_loopback();
        match &self.public_url {
            None if !is_local && self.demo_key.is_none() => faults.push(format!(
                "`listen` is {}, which other machines can reach. Set `public_url` (DOORWARD_PUBLIC_URL) to the address that users see, such as https://accounts.example.com",
                self.listen
            )),
            Some(url) if url.starts_with("http://") && !self.allow_http && !is_loopback_url(url) => faults.push(
                "`public_url` has no TLS. Use https, or set `allow_http = true` if the network is private".to_owned(),
            ),
            Some(url) if url.starts_with("http://") && self.has_tls() => faults.push(
                "`public_url` begins with http, but the server uses TLS. Change it to https".to_owned(),
            ),
            _ => {}
        }
        if !self.is_local_only() && self.has_inbox() && self.demo_key.is_none() {
            faults.push("mails would stay in the built-in inbox, which everyone who reaches the server can read. Set `mail.url` (SMTP_URL)".to_owned());
        }
        if self
            .metrics_listen
            .is_some_and(|address| conflicts(address, self.listen))
        {
            faults.push(format!("`metrics.listen` and `listen` are both {0}. Set `metrics.listen` to another port, such as 127.0.0.1:9464", self.listen));
        }
        faults
    }

    fn is_local_only(&self) -> bool {
        self.listen.ip().is_loopback() && self.public_url.as_deref().is_none_or(is_loopback_url)
    }

    fn check_origins(&self) -> Vec<String> {
        let lists = [
            ("cors.origins", &self.options.cors_origins),
            ("return_to.origins", &self.options.return_origins),
        ];
        let is_open = |origin: &str| {
            origin.starts_with("http://") && !self.allow_http && !is_loopback_url(origin)
        };
        let open = lists.into_iter().flat_map(|(key, origins)| {
            let open = origins.iter().filter(|origin| is_open(origin));
            open.map(move |origin| (key, origin))
        });
        open.map(|(key, origin)| {
            format!("`{key}` contains {origin}, which has no TLS. Use https, or set `allow_http = true` if the network is private")
        })
        .collect()
    }

    fn check_tls(&self) -> Vec<String> {
        let mut faults = Vec::new();
        match (&self.tls_certificate, &self.tls_key) {
            (Some(_), None) => faults.push(
                "`tls.certificate` is set, but `tls.key` is not. Set both or neither".to_owned(),
            ),
            (None, Some(_)) => faults.push(
                "`tls.key` is set, but `tls.certificate` is not. Set both or neither".to_owned(),
            ),
            (Some(_), Some(_)) if self.development_tls => faults
                .push("`tls.certificate` and `tls.development` (--dev-tls) are both set. Remove one of them".to_owned()),
            _ => {}
        }
        if let Some(url) = &self.public_url
            && self.development_tls
            && !is_loopback_url(url)
        {
            faults.push(format!("`public_url` is {url}, but the certificate of `tls.development` (--dev-tls) is for localhost only. Set `tls.certificate` and `tls.key` instead, or remove `public_url`"));
        }
        faults
    }

    fn check_proxies_and_limits(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.trusted_proxies == TrustedProxies::default()
            && self.trusted_proxy_header != ForwardedBy::default()
        {
            faults.push(format!("`trusted_proxy_header` is {}, but `trusted_proxies` is empty, so the header is ignored. Add the proxies to `trusted_proxies`, such as 127.0.0.1, or remove the header", self.trusted_proxy_header));
        }
        let defaults = Self::default();
        if self.connections != defaults.connections
            && let Some(per_address) = self.address_connections
            && per_address > self.connections
        {
            faults.push(format!("`limits.connections_per_address` ({per_address}) is more than `limits.connections` ({}), so one address could use all of them. Use a smaller number, such as {}", self.connections, (self.connections / 16).max(1)));
        }
        faults
    }

    fn check_secrets(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(secret) = &self.master_key {
            faults.extend(master_key::configuration_error(
                secret.expose(),
                &self.data_dir,
            ));
        }
        let peppers: Vec<&str> = self
            .pepper
            .iter()
            .chain(&self.previous_peppers)
            .map(|pepper| pepper.expose().as_str())
            .collect();
        if let Some(pepper) = &self.pepper
            && let Some(reason) = master_key::weakness(pepper.expose())
        {
            faults.push(format!("`password.pepper` {reason}. Generate one with `openssl rand -base64 48`; if it is in use already, move it to `password.previous_peppers`"));
        }
        if self.pepper.is_some() && peppers[1..].contains(&peppers[0]) {
            faults.push("`password.previous_peppers` contains the current pepper. Remove it there, or set a new `password.pepper`".to_owned());
        }
        let twice = self.previous_peppers.iter().enumerate().any(|(at, one)| {
            let later = &self.previous_peppers[at + 1..];
            later.iter().any(|other| other.expose() == one.expose())
        });
        if twice {
            faults.push(
                "`password.previous_peppers` contains a pepper twice. Remove the duplicate"
                    .to_owned(),
            );
        }
        let others = [
            ("keys.master_key", &self.master_key),
            ("admin.password", &self.admin_password),
        ];
        for (key, other) in others {
            let is_shared = |other: &str| peppers.contains(&other.trim());
            if other
                .as_ref()
                .is_some_and(|other| is_shared(other.expose()))
            {
                faults.push(format!("`{key}` has the same value as a pepper. Generate a separate secret with `openssl rand -base64 48`"));
            }
        }
        faults
    }

    fn fault_of_unconfirmed_addresses(&self) -> Option<String> {
        (!self.policy.confirm_email && self.policy.enumeration_protection).then(|| {
            "`sign_up.confirm_email = false` reports addresses that are taken: set `enumeration_protection = false` as well, or remove `sign_up.confirm_email`".to_owned()
        })
    }
}

/// Returns `true` if two listeners would use the same port. Port 0 is any free port.
fn conflicts(one: SocketAddr, other: SocketAddr) -> bool {
    let is_every = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && (is_every || one.ip() == other.ip())
}

#[cfg(test)]
mod tests {
    use super::super::Setting;
    use super::*;

    const ONE: &str = "hV9x-2mKq_7rLw4TzB8nYcEe6sJd3GuP";
    const OTHER: &str = "Qw7z_Rk3-Vb9mXt5LpCf2HsJy8NdGa4E";

    /// Settings that contradict each other, and a part of the message.
    type Odd = (&'static [(&'static str, &'static str)], &'static str);

    #[rustfmt::skip]
    const ODD: &[Odd] = &[
        (&[("listen", "0.0.0.0:8000"), ("mail.url", "log:")], "Set `public_url`"),
        (&[("public_url", "http://accounts.example.com"), ("mail.url", "log:")], "Use https"),
        (&[("public_url", "http://localhost"), ("tls.development", "true")], "Change it to https"),
        (&[("public_url", "https://accounts.example.com")], "Set `mail.url`"),
        (&[("metrics.listen", "127.0.0.1:8000")], "another port"),
        (&[("metrics.listen", "0.0.0.0:8000")], "another port"),
        (&[("cors.origins", "http://app.example.com")], "Use https"),
        (&[("return_to.origins", "http://app.example.com")], "Use https"),
        (&[("tls.certificate", "a.pem")], "Set both"),
        (&[("tls.key", "a.pem")], "Set both"),
        (&[("tls.key", "a.pem"), ("tls.certificate", "a.pem"), ("tls.development", "true")], "Remove one of them"),
        (&[("public_url", "https://accounts.example.com"), ("mail.url", "log:"), ("tls.development", "true")], "Set `tls.certificate`"),
        (&[("trusted_proxy_header", "forwarded")], "Add the proxies"),
        (&[("limits.connections", "160"), ("limits.connections_per_address", "161")], "such as 10"),
        (&[("limits.connections", "4000"), ("limits.connections_per_address", "5000")], "such as 250"),
        (&[("keys.master_key", "too short")], "openssl rand"),
        (&[("password.pepper", "please-change-me-please-change-me")], "openssl rand"),
        (&[("password.pepper", ONE), ("password.previous_peppers", ONE)], "Remove it there"),
        (&[("password.pepper", ONE), ("password.previous_peppers", "Qw7z_Rk3-Vb9mXt5LpCf2HsJy8NdGa4E, Qw7z_Rk3-Vb9mXt5LpCf2HsJy8NdGa4E")], "Remove the duplicate"),
        (&[("password.pepper", ONE), ("keys.master_key", ONE)], "`keys.master_key` has the same value as a pepper"),
        (&[("password.previous_peppers", ONE), ("admin.password", ONE)], "`admin.password` has the same value as a pepper"),
        (&[("sign_up.confirm_email", "false")], "set `enumeration_protection = false`"),
    ];

    /// Settings that do not contradict each other.
    #[rustfmt::skip]
    const FINE: &[&[(&str, &str)]] = &[
        &[],
        &[("listen", "0.0.0.0:8000"), ("public_url", "https://accounts.example.com"), ("mail.url", "log:")],
        &[("public_url", "http://accounts.example.com"), ("allow_http", "true"), ("mail.url", "log:")],
        &[("tls.development", "true"), ("public_url", "https://localhost:9443")],
        &[("metrics.listen", "127.0.0.1:9464")],
        &[("trusted_proxy_header", "forwarded"), ("trusted_proxies", "127.0.0.1")],
        &[("limits.connections", "16"), ("limits.connections_per_address", "16")],
        &[("password.pepper", ONE), ("password.previous_peppers", OTHER), ("keys.master_key", "sJd3GuPhV9x-2mKq_7rLw4TzB8nYcEe6")],
        // New hashes have no pepper.
        &[("password.previous_peppers", ONE)],
        // The shorter one applies to admins.
        &[("session.idle_timeout_minutes", "30"), ("session.admin_idle_timeout_minutes", "60")],
        &[("sign_up.confirm_email", "false"), ("enumeration_protection", "false")],
        // Fewer connections than the default per address.
        &[("limits.connections", "200")],
    ];

    fn with(values: &[(&str, &str)]) -> Config {
        let mut config = Config::default();
        for (key, value) in values {
            let setting = Setting::find(key).unwrap();
            (setting.set)(&mut config, value).unwrap();
        }
        config
    }

    fn faults(values: &[(&str, &str)]) -> Vec<String> {
        with(values).check()
    }

    /// H-05: if only `limits.connections` is set, one address gets at most a quarter of it.
    #[test]
    fn the_address_limit_defaults_to_a_quarter() {
        for (all, per_address) in [
            (16, 4),
            (19, 4),
            (200, 50),
            (1023, 255),
            (1024, 256),
            (4096, 256),
            (100_000, 256),
        ] {
            let config = with(&[("limits.connections", &all.to_string())]);
            assert_eq!(config.connections_per_address(all), per_address, "{all}");
        }
        // The system may allow fewer connections than configured.
        let config = Config::default();
        assert_eq!(config.connections_per_address(100), 25);
        assert_eq!(config.connections_per_address(3), 1);
        let chosen = with(&[("limits.connections_per_address", "99")]);
        assert_eq!(chosen.connections_per_address(16), 99);
    }

    /// C-03: unencrypted connections to other machines are warned of.
    #[test]
    fn unencrypted_connections_are_warned_of() {
        for (values, expected) in [
            (
                &[("traces.endpoint", "http://203.0.113.5:4318")][..],
                "Use https",
            ),
            (
                &[
                    ("traces.url", "http://collector.example/v1/traces"),
                    ("traces.endpoint", "https://collector.example"),
                    ("traces.headers", "authorization=Bearer%20x"),
                ],
                "the secret of `traces.headers`",
            ),
            (&[("metrics.listen", "0.0.0.0:9464")], "your Prometheus"),
            (&[("metrics.listen", "127.0.0.1:9464")], ""),
            (&[("traces.endpoint", "http://localhost:4318")], ""),
            (&[("traces.endpoint", "https://collector.example")], ""),
        ] {
            let warnings = with(values).warnings();
            assert_eq!(
                warnings.len(),
                usize::from(!expected.is_empty()),
                "{warnings:?}"
            );
            let is_said =
                |warning: &String| warning.contains(expected) && !warning.contains("Bearer");
            assert!(warnings.iter().all(is_said), "{warnings:?}");
        }
    }

    /// C-01, C-03: on a server that others can reach, disabled protection is warned of.
    #[test]
    fn disabled_protection_is_warned_of() {
        const PUBLIC: [(&str, &str); 2] = [
            ("public_url", "https://accounts.example.com"),
            ("mail.url", "smtp://mail.example.com"),
        ];
        for (value, expected) in [
            (("throttle.enabled", "false"), "`throttle.enabled`"),
            (("mail.url", "log:"), "`mail.url`"),
            (("redis.url", "redis://203.0.113.9"), "rediss://"),
            (("redis.url", "rediss://203.0.113.9"), ""),
            (("redis.url", "redis://127.0.0.1"), ""),
        ] {
            let is_redis = value.0 == "redis.url" && !expected.is_empty();
            let warnings = with(&[PUBLIC[0], PUBLIC[1], value]).warnings();
            let is_said = usize::from(!expected.is_empty());
            assert_eq!(warnings.len(), is_said, "{value:?} {warnings:?}");
            assert!(warnings.iter().all(|warning| warning.contains(expected)));
            // On a server for this machine only, for tests.
            let here = with(&[value]).warnings();
            assert_eq!(here.len(), usize::from(is_redis), "{value:?} {here:?}");
        }
    }

    /// C-01: contradictions are errors, with a fix.
    #[test]
    fn contradictions_are_errors_that_say_what_to_change() {
        for (values, expected) in ODD {
            let faults = faults(values);
            assert_eq!(faults.len(), 1, "{values:?}: {faults:?}");
            assert!(faults[0].contains(expected), "{values:?}: {faults:?}");
            assert!(
                values
                    .iter()
                    .all(|(_, value)| value.len() < 32 || !faults[0].contains(value)),
                "{faults:?}"
            );
        }
        for values in FINE {
            assert_eq!(faults(values), [] as [String; 0], "{values:?}");
        }
    }
}
