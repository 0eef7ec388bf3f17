//! Masks secrets: shows that one is set, and the host of a URL (C-02).

const MASK: &str = "(set)";
/// Schemes of URLs that contain a password only before an `@` or in the query.
const SCHEMES: [&str; 9] = [
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "redis",
    "rediss",
    "redis+unix",
    "smtp",
    "smtps",
];

/// Masks the secret part of a text, or all of it if that is unclear.
pub fn redact(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    redact_url(text).unwrap_or_else(|| MASK.to_owned())
}

fn redact_url(text: &str) -> Option<String> {
    if matches!(text, "inbox:" | "log:") || text.starts_with("folder:") {
        return Some(text.to_owned());
    }
    if text.starts_with("sqlite:") {
        return Some(without_query(text));
    }
    let (scheme, rest) = text.split_once("://")?;
    if !SCHEMES.contains(&scheme) {
        return None;
    }
    let mut parts = rest.split('@');
    let (first, second) = (parts.next()?, parts.next());
    if parts.next().is_some() {
        return None;
    }
    let Some(place) = second else {
        // Without an `@`, a port may be a password.
        let is_plain = !first.contains(':') || first.rsplit(':').next().is_some_and(starts_a_port);
        return is_plain.then(|| format!("{scheme}://{}", without_query(first)));
    };
    let user = match first.split_once(':') {
        Some((user, _)) => format!("{user}:***"),
        // It may be a key.
        None => "***".to_owned(),
    };
    Some(format!("{scheme}://{user}@{}", without_query(place)))
}

fn starts_a_port(text: &str) -> bool {
    let port = text.split(['/', '?', ']', ',']).next().unwrap_or_default();
    port.parse::<u16>().is_ok() || text.contains(']')
}

/// Parameters may contain a password.
fn without_query(text: &str) -> String {
    match text.split_once(['?', '#']) {
        Some((before, _)) => format!("{before}?***"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (text, shown) in [
            ("", ""),
            ("hunter2", "(set)"),
            ("inbox:", "inbox:"),
            ("folder:/tmp/mails", "folder:/tmp/mails"),
            ("sqlite:/var/lib/d.db", "sqlite:/var/lib/d.db"),
            (
                "postgres://ben:hunter2@db.example/d",
                "postgres://ben:***@db.example/d",
            ),
            (
                "postgres://ben:hunter2@a:5432,b:5432/d?password=hunter2",
                "postgres://ben:***@a:5432,b:5432/d?***",
            ),
            (
                "postgres://db.example/d?user=ben&password=hunter2",
                "postgres://db.example/d?***",
            ),
            ("redis://hunter2@db.example", "redis://***@db.example"),
            (
                "redis://:hunter2@db.example:6379/0",
                "redis://:***@db.example:6379/0",
            ),
            ("redis://[::1]:6379", "redis://[::1]:6379"),
            (
                "redis+unix:///run/redis.sock",
                "redis+unix:///run/redis.sock",
            ),
            (
                "smtps://ben:hunter2/x@mail.example:465",
                "smtps://ben:***@mail.example:465",
            ),
            ("mysql://ben:hunter2@x@db.example/d", "(set)"),
            ("mysql://ben:hunter2", "(set)"),
            ("https://hooks.example/hunter2", "(set)"),
        ] {
            assert_eq!(redact(text), shown);
        }
    }
}
