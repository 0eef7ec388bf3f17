//! What must hold between settings, each of which is fine by itself (C-01).
//!
//! A pair is refused where one of the two would do nothing, or undo the other, without a word; not where one of
//! them is the default, which nobody chose: who makes one limit stricter need not know the others. Each fault is a
//! sentence that says what to write. To add one: a line in the function of its subject, and a row in the table of
//! tests below. How the limits of throttles go together is `doorward_domain`'s to say.

use std::net::SocketAddr;

use doorward_mail::{TransportSettings, parse_transport};
use doorward_store_redis::RedisUrl;
use doorward_web::{ForwardedBy, TrustedProxies};

use super::rights::open_to_others;
use super::{Config, is_loopback_url};
use crate::master_key;

impl Config {
    /// Everything that does not go together, a sentence each.
    pub fn check(&self) -> Vec<String> {
        let mut faults = self.faults_of_addresses();
        faults.extend(self.faults_of_origins());
        faults.extend(self.faults_of_tls());
        faults.extend(self.faults_of_the_way_in());
        faults.extend(self.faults_of_secrets());
        faults.extend(self.fault_of_idle_sessions());
        faults.extend(self.throttle_limits.faults());
        faults
    }

    /// What a start goes on with, and says.
    pub fn warnings(&self) -> Vec<String> {
        let mut told = self.warnings_of_no_part();
        let is_public = !self.is_reached_from_here_alone();
        if is_public && !self.throttle {
            told.push("nobody who guesses passwords or floods forms is slowed down: leave `throttle.enabled` out, but for load tests".to_owned());
        }
        if is_public
            && matches!(
                parse_transport(&self.mail_url()),
                Ok(TransportSettings::Log)
            )
        {
            told.push("mail is written to the log, links and all, for whoever reads that: set `mail.url` (SMTP_URL) to a mail server".to_owned());
        }
        let redis = self.redis_url.as_ref().map(|url| url.expose().parse());
        if let Some(Ok(url)) = redis
            && RedisUrl::is_open_to_listeners(&url)
        {
            told.push("the way to Redis is not encrypted, and leads over a network: use rediss:// in `redis.url` (REDIS_URL)".to_owned());
        }
        told
    }

    /// What no part of `doctor` says by itself.
    pub fn warnings_of_no_part(&self) -> Vec<String> {
        let mut told = open_to_others(self);
        let collector = self.traces_url.iter().chain(&self.traces_endpoint).next();
        if let Some(url) = collector
            && url.starts_with("http://")
            && !is_loopback_url(url)
        {
            let with = match &self.traces_headers {
                Some(_) => ", and with them the secret of `traces.headers`",
                None => "",
            };
            told.push(format!("traces go to another machine in the clear{with}: use https in `traces.endpoint` (OTEL_EXPORTER_OTLP_ENDPOINT)"));
        }
        if let Some(address) = self.metrics_listen
            && !address.ip().is_loopback()
        {
            told.push(format!("`metrics.listen` is {address}, where whoever reaches it reads all figures in the clear: let nobody but your Prometheus reach it"));
        }
        told
    }

    fn faults_of_addresses(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let is_local = self.listen.ip().is_loopback();
        match &self.public_url {
            None if !is_local => faults.push(format!(
                "`listen` is {}, which others can reach: set `public_url` (DOORWARD_PUBLIC_URL) to the address people use, such as https://accounts.example.com",
                self.listen
            )),
            Some(url) if url.starts_with("http://") && !self.allow_http && !is_loopback_url(url) => faults.push(
                "`public_url` is without TLS: use https, or set `allow_http = true` if this network is private".to_owned(),
            ),
            Some(url) if url.starts_with("http://") && self.has_tls() => faults.push(
                "`public_url` begins with http, and the server itself speaks TLS: make it https".to_owned(),
            ),
            _ => {}
        }
        if !self.is_reached_from_here_alone() && self.has_inbox() {
            faults.push("mail would stay in the built-in inbox, which anybody who reaches the server could read: set `mail.url` (SMTP_URL)".to_owned());
        }
        if self
            .metrics_listen
            .is_some_and(|address| is_same(address, self.listen))
        {
            faults.push(format!("`metrics.listen` is {0}, where the server itself listens: metrics need a port of their own, such as 127.0.0.1:9464", self.listen));
        }
        faults
    }

    fn is_reached_from_here_alone(&self) -> bool {
        self.listen.ip().is_loopback() && self.public_url.as_deref().is_none_or(is_loopback_url)
    }

    fn faults_of_origins(&self) -> Vec<String> {
        let lists = [
            ("cors.origins", &self.cors_origins),
            ("return_to.origins", &self.return_origins),
        ];
        let is_open = |origin: &str| {
            origin.starts_with("http://") && !self.allow_http && !is_loopback_url(origin)
        };
        let open = lists.into_iter().flat_map(|(key, origins)| {
            let open = origins.iter().filter(|origin| is_open(origin));
            open.map(move |origin| (key, origin))
        });
        open.map(|(key, origin)| {
            format!("`{key}` names {origin}, which is without TLS: use https, or set `allow_http = true` if this network is private")
        })
        .collect()
    }

    fn faults_of_tls(&self) -> Vec<String> {
        let mut faults = Vec::new();
        match (&self.tls_certificate, &self.tls_key) {
            (Some(_), None) => faults.push(
                "`tls.certificate` is set and `tls.key` is not: set both, or none".to_owned(),
            ),
            (None, Some(_)) => faults.push(
                "`tls.key` is set and `tls.certificate` is not: set both, or none".to_owned(),
            ),
            (Some(_), Some(_)) if self.development_tls => faults
                .push("`tls.certificate` is set, and so is `tls.development` (--dev-tls): leave one of them out".to_owned()),
            _ => {}
        }
        if let Some(url) = &self.public_url
            && self.development_tls
            && !is_loopback_url(url)
        {
            faults.push(format!("`public_url` is {url}, and the certificate of `tls.development` (--dev-tls) is for localhost alone: set `tls.certificate` and `tls.key` in its place, or leave `public_url` out"));
        }
        faults
    }

    fn faults_of_the_way_in(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.trusted_proxies == TrustedProxies::default()
            && self.trusted_proxy_header != ForwardedBy::default()
        {
            faults.push(format!("`trusted_proxy_header` is {}, and nobody is believed in it, since `trusted_proxies` is empty: name the proxies there, such as 127.0.0.1, or leave the header out", self.trusted_proxy_header));
        }
        let defaults = Self::default();
        if self.connections != defaults.connections
            && let Some(of_one) = self.address_connections
            && of_one > self.connections
        {
            faults.push(format!("`limits.connections_per_address` ({of_one}) is more than `limits.connections` ({}), so one address could take them all: write a smaller number, such as {}", self.connections, (self.connections / 16).max(1)));
        }
        faults
    }

    fn faults_of_secrets(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(secret) = &self.master_key {
            faults.extend(master_key::fault(secret.expose(), &self.data_dir));
        }
        let peppers: Vec<&str> = self
            .pepper
            .iter()
            .chain(&self.old_peppers)
            .map(|pepper| pepper.expose().as_str())
            .collect();
        if let Some(pepper) = &self.pepper
            && let Some(reason) = master_key::weakness(pepper.expose())
        {
            faults.push(format!("`password.pepper` {reason}: make one with `openssl rand -base64 48`, before any password is hashed with it; one that is in use already goes into `password.peppers_old`"));
        }
        if self.pepper.is_some() && peppers[1..].contains(&peppers[0]) {
            faults.push("`password.peppers_old` names the present pepper too: take it out there, or write a new one into `password.pepper`".to_owned());
        }
        let twice = self.old_peppers.iter().enumerate().any(|(at, one)| {
            let later = &self.old_peppers[at + 1..];
            later.iter().any(|other| other.expose() == one.expose())
        });
        if twice {
            faults
                .push("`password.peppers_old` names one pepper twice: take it out once".to_owned());
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
                faults.push(format!("`{key}` is a pepper as well, and who learns one secret would have two: make one of them anew with `openssl rand -base64 48`"));
            }
        }
        faults
    }

    fn fault_of_idle_sessions(&self) -> Option<String> {
        let (all, admins) = (self.session_idle_minutes, self.session_admin_idle_minutes);
        (all > 0 && admins > all).then(|| {
            format!("`session.admin_idle_minutes` ({admins}) is more than `session.idle_minutes` ({all}), which ends an admin's session first: write at most {all}, or leave it out")
        })
    }
}

/// Whether two listeners would want one port. Port 0 is any that is free.
fn is_same(one: SocketAddr, other: SocketAddr) -> bool {
    let is_every = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && (is_every || one.ip() == other.ip())
}

#[cfg(test)]
mod tests {
    use super::super::SETTINGS;
    use super::*;

    const ONE: &str = "hV9x-2mKq_7rLw4TzB8nYcEe6sJd3GuP";
    const OTHER: &str = "Qw7z_Rk3-Vb9mXt5LpCf2HsJy8NdGa4E";

    /// Values, each fine by itself, and what the sentence about them says to write.
    type Odd = (&'static [(&'static str, &'static str)], &'static str);

    #[rustfmt::skip]
    const ODD: &[Odd] = &[
        (&[("listen", "0.0.0.0:8000"), ("mail.url", "log:")], "set `public_url`"),
        (&[("public_url", "http://accounts.example.com"), ("mail.url", "log:")], "use https"),
        (&[("public_url", "http://localhost"), ("tls.development", "true")], "make it https"),
        (&[("public_url", "https://accounts.example.com")], "set `mail.url`"),
        (&[("metrics.listen", "127.0.0.1:8000")], "a port of their own"),
        (&[("metrics.listen", "0.0.0.0:8000")], "a port of their own"),
        (&[("cors.origins", "http://app.example.com")], "use https"),
        (&[("return_to.origins", "http://app.example.com")], "use https"),
        (&[("tls.certificate", "a.pem")], "set both"),
        (&[("tls.key", "a.pem")], "set both"),
        (&[("tls.key", "a.pem"), ("tls.certificate", "a.pem"), ("tls.development", "true")], "leave one of them out"),
        (&[("public_url", "https://accounts.example.com"), ("mail.url", "log:"), ("tls.development", "true")], "set `tls.certificate`"),
        (&[("trusted_proxy_header", "forwarded")], "name the proxies there"),
        (&[("limits.connections", "160"), ("limits.connections_per_address", "161")], "such as 10"),
        (&[("limits.connections", "4000"), ("limits.connections_per_address", "5000")], "such as 250"),
        (&[("keys.master_key", "too short")], "openssl rand"),
        (&[("password.pepper", "please-change-me-please-change-me")], "openssl rand"),
        (&[("password.pepper", ONE), ("password.peppers_old", ONE)], "take it out there"),
        (&[("password.pepper", ONE), ("password.peppers_old", "Qw7z_Rk3-Vb9mXt5LpCf2HsJy8NdGa4E, Qw7z_Rk3-Vb9mXt5LpCf2HsJy8NdGa4E")], "take it out once"),
        (&[("password.pepper", ONE), ("keys.master_key", ONE)], "`keys.master_key` is a pepper"),
        (&[("password.peppers_old", ONE), ("admin.password", ONE)], "`admin.password` is a pepper"),
        (&[("session.idle_minutes", "30"), ("session.admin_idle_minutes", "60")], "at most 30"),
        (&[("throttle.sign_in.network", "10/1m"), ("throttle.sign_in.address", "11/1m")], "make it the wider one"),
        (&[("throttle.sign_in.everybody", "60/1m"), ("throttle.sign_in.network", "61/1m")], "make it the wider one"),
        (&[("throttle.sign_in.failures", "31/1m"), ("throttle.sign_in.address", "29/1m")], "`throttle.sign_in.address` (29/1m) allows less than `throttle.sign_in.failures` (31/1m)"),
        (&[("throttle.sign_up.address", "20/1s"), ("throttle.sign_up.network", "61/1h")], "make it the wider one"),
        (&[("throttle.link.everybody", "20/1m"), ("throttle.link.network", "21/1m")], "make it the wider one"),
        (&[("throttle.token.network", "20/1m"), ("throttle.token.address", "21/1m")], "make it the wider one"),
        (&[("throttle.mail.everybody", "60/10h"), ("throttle.mail.network", "59/1h")], "make it the wider one"),
        (&[("throttle.mail.mailbox", "1001/1h"), ("throttle.mail.mailbox_pause", "1/1s"), ("throttle.mail.everybody", "999/1h")], "`throttle.mail.everybody` (999/1h) allows less than `throttle.mail.mailbox`"),
        (&[("throttle.mail.mailbox_pause", "4/3m"), ("throttle.mail.mailbox", "2/1h")], "`throttle.mail.mailbox` (2/1h) ends before `throttle.mail.mailbox_pause` (4/3m)"),
        (&[("throttle.mail.mailbox_pause", "1/1h"), ("throttle.mail.mailbox", "4/1h")], "`throttle.mail.mailbox_pause` (1/1h) is slower than `throttle.mail.mailbox` (4/1h)"),
        (&[("throttle.password.stop", "20"), ("throttle.password.known_device", "21")], "write at most 20"),
    ];

    /// Fine together, though they stand close to what is not.
    #[rustfmt::skip]
    const FINE: &[&[(&str, &str)]] = &[
        &[],
        &[("listen", "0.0.0.0:8000"), ("public_url", "https://accounts.example.com"), ("mail.url", "log:")],
        &[("public_url", "http://accounts.example.com"), ("allow_http", "true"), ("mail.url", "log:")],
        &[("tls.development", "true"), ("public_url", "https://localhost:9443")],
        &[("metrics.listen", "127.0.0.1:9464")],
        &[("trusted_proxy_header", "forwarded"), ("trusted_proxies", "127.0.0.1")],
        &[("limits.connections", "16"), ("limits.connections_per_address", "16")],
        &[("password.pepper", ONE), ("password.peppers_old", OTHER), ("keys.master_key", "sJd3GuPhV9x-2mKq_7rLw4TzB8nYcEe6")],
        // How peppers are given up.
        &[("password.peppers_old", ONE)],
        &[("session.admin_idle_minutes", "60")],
        &[("session.idle_minutes", "60"), ("session.admin_idle_minutes", "60")],
        &[("throttle.sign_in.failures", "30/1m")],
        // Stricter, or smaller, beside a default.
        &[("throttle.sign_in.address", "5/1m")],
        &[("throttle.sign_up.address", "100/1h")],
        &[("throttle.mail.mailbox_pause", "1/1h")],
        &[("limits.connections", "200")],
        &[("throttle.password.stop", "20"), ("throttle.password.known_device", "20")],
        // Pauses that the stop comes before.
        &[("throttle.password.stop", "10")],
    ];

    fn with(values: &[(&str, &str)]) -> Config {
        let mut config = Config::default();
        for (key, value) in values {
            let setting = SETTINGS.iter().find(|setting| setting.key == *key).unwrap();
            (setting.set)(&mut config, value).unwrap();
        }
        config
    }

    fn faults(values: &[(&str, &str)]) -> Vec<String> {
        with(values).check()
    }

    /// H-05: who sets but the number of all leaves no address all of it.
    #[test]
    fn one_address_has_a_quarter_at_most_where_nobody_says() {
        for (all, of_one) in [
            (16, 4),
            (19, 4),
            (200, 50),
            (1023, 255),
            (1024, 256),
            (4096, 256),
            (100_000, 256),
        ] {
            let config = with(&[("limits.connections", &all.to_string())]);
            assert_eq!(config.connections_per_address(all), of_one, "{all}");
        }
        // Where the system gives fewer than are set, or hardly any.
        let config = Config::default();
        assert_eq!(config.connections_per_address(100), 25);
        assert_eq!(config.connections_per_address(3), 1);
        let chosen = with(&[("limits.connections_per_address", "99")]);
        assert_eq!(chosen.connections_per_address(16), 99);
    }

    /// C-03: what leaves this machine in the clear is said, with what to do.
    #[test]
    fn what_goes_over_a_network_in_the_clear_is_warned_of() {
        for (values, told) in [
            (
                &[("traces.endpoint", "http://203.0.113.5:4318")][..],
                "use https",
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
                usize::from(!told.is_empty()),
                "{warnings:?}"
            );
            let is_said = |warning: &String| warning.contains(told) && !warning.contains("Bearer");
            assert!(warnings.iter().all(is_said), "{warnings:?}");
        }
    }

    /// C-01, C-03: what gives protection up is said at the start, where others can reach the server.
    #[test]
    fn what_gives_protection_up_is_warned_of() {
        const PUBLIC: [(&str, &str); 2] = [
            ("public_url", "https://accounts.example.com"),
            ("mail.url", "smtp://mail.example.com"),
        ];
        for (value, told) in [
            (("throttle.enabled", "false"), "`throttle.enabled`"),
            (("mail.url", "log:"), "`mail.url`"),
            (("redis.url", "redis://203.0.113.9"), "rediss://"),
            (("redis.url", "rediss://203.0.113.9"), ""),
            (("redis.url", "redis://127.0.0.1"), ""),
        ] {
            let is_redis = value.0 == "redis.url" && !told.is_empty();
            let warnings = with(&[PUBLIC[0], PUBLIC[1], value]).warnings();
            let is_said = usize::from(!told.is_empty());
            assert_eq!(warnings.len(), is_said, "{value:?} {warnings:?}");
            assert!(warnings.iter().all(|warning| warning.contains(told)));
            // For oneself alone, to try out.
            let here = with(&[value]).warnings();
            assert_eq!(here.len(), usize::from(is_redis), "{value:?} {here:?}");
        }
    }

    /// C-01: what contradicts itself is refused, with a sentence that says what to write.
    #[test]
    fn odd_pairs_are_refused_with_what_to_write() {
        for (values, told) in ODD {
            let faults = faults(values);
            assert_eq!(faults.len(), 1, "{values:?}: {faults:?}");
            assert!(faults[0].contains(told), "{values:?}: {faults:?}");
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
