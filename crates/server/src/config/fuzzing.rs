//! Fuzz targets of the parsers of settings; see [`crate::fuzzing`].

use std::collections::BTreeSet;

use super::sources::{flatten, lines, parse_table};
use super::{Config, Setting, dotenv, redact};

/// The password in the seeds. No error contains it.
const PASSWORD: &str = "hunter2";

/// C-02: every key of a file has a value and a line number, and no error contains a password.
pub fn config_files(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let table = match parse_table(&text) {
        Ok(table) => table,
        Err(error) => {
            assert!(!format!("{error:#}").contains(PASSWORD));
            return;
        }
    };
    let mut values = Vec::new();
    flatten("", &table, &mut values);
    let keys: BTreeSet<&str> = values.iter().map(|(key, _)| key.as_str()).collect();
    let numbered = lines(&text);
    let count = text.matches('\n').count() + 1;
    assert!(numbered.values().all(|line| (1..=count).contains(line)));
    for key in keys {
        assert!(numbered.contains_key(key), "{key} has no line");
    }
    let mut config = Config::default();
    for (key, value) in &values {
        if let Some(setting) = Setting::find(key) {
            let outcome = (setting.set)(&mut config, value);
            if let (Err(wanted), true) = (outcome, setting.secret) {
                assert!(!wanted.contains(PASSWORD), "{wanted}");
            }
        }
    }
    for fault in config.check() {
        assert!(!fault.contains(PASSWORD), "{fault}");
    }
}

/// A quoted pair is parsed unchanged, and no error contains a password.
pub fn dotenv_files(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let pairs = match dotenv::parse(&text) {
        Ok(pairs) => pairs,
        Err(error) => {
            assert!(!format!("{error:#}").contains(PASSWORD));
            return;
        }
    };
    assert!(pairs.len() <= text.lines().count());
    for (name, value) in &pairs {
        assert!(!name.is_empty() && !name.contains(['=', ' ']));
        assert!(text.contains(value.as_str()) && !value.contains('\n'));
        let quote = ['"', '\'']
            .into_iter()
            .find(|quote| !value.contains(*quote));
        if let (Some(quote), false) = (quote, value.contains('\r')) {
            let again = dotenv::parse(&format!("export {name}={quote}{value}{quote} # why"));
            let again = again.expect("it was written as it is read");
            assert_eq!(again, [(name.clone(), value.clone())]);
        }
    }
}

/// The first line is a key, the rest its value. An accepted value is shown in a form that can be set again.
pub fn settings(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (key, value) = text.split_once('\n').unwrap_or((&text, ""));
    let Some(setting) = Setting::find(key) else {
        return;
    };
    let mut config = Config::default();
    match (setting.set)(&mut config, value) {
        Ok(()) => {
            let shown = (setting.show)(&config);
            let mut again = Config::default();
            if !shown.is_empty() {
                let outcome = (setting.set)(&mut again, &shown);
                assert_eq!(outcome, Ok(()), "{key}: {shown:?}");
                assert_eq!((setting.show)(&again), shown, "{key}");
            }
            for fault in config.check() {
                assert!(!setting.secret || !fault.contains(PASSWORD), "{fault}");
            }
        }
        Err(wanted) => assert!(!setting.secret || !wanted.contains(PASSWORD), "{wanted}"),
    }
}

/// C-02: the password of a URL is not shown, before its last `@` or in its query.
pub fn redacted_settings(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let shown = redact(&text);
    assert_eq!(shown.is_empty(), text.is_empty());
    let is_once = text.matches(PASSWORD).count() == 1;
    let is_url =
        text.contains("://") && !text.starts_with("folder:") && !text.starts_with("sqlite:");
    let at = text.find(PASSWORD).unwrap_or_default();
    let start = text.find("://").map_or(0, |start| start + 3);
    let is_credential = start < at && text[start..at].contains(':') && text[at..].contains('@');
    if is_once && is_url && is_credential {
        assert!(!shown.contains(PASSWORD), "{text} is shown as {shown}");
    }
}
