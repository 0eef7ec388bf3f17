//! `doorward doctor` and `doorward healthcheck`: each test causes a real fault and expects it in the text and in
//! the JSON.

mod machine;
mod network;
mod stores;

use serde_json::Value;

use super::{MailSink, Setup, eventually};

/// Output of the doctor.
struct Report {
    code: i32,
    value: Value,
    text: String,
}

/// Runs the doctor with text and JSON output, and asserts that both contain the same.
fn examine(setup: &Setup, arguments: &[&str]) -> Report {
    let for_people = setup.run(&[&["doctor"], arguments].concat());
    let for_programs = setup.run(&[&["doctor", "--json"], arguments].concat());
    assert_eq!(for_people.code, for_programs.code, "{}", for_people.out);
    let value = for_programs.json();
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = one_line(&for_people.out);
    for finding in value["findings"].as_array().unwrap() {
        let expected_hint = finding["hint"].as_str().unwrap_or_default();
        // Numbers change between the calls, hints do not.
        assert!(
            text.contains(&one_line(expected_hint)),
            "{expected_hint}: {text}"
        );
        let is_bad = finding["status"] != "passed";
        assert_eq!(is_bad, !expected_hint.is_empty(), "{finding}");
    }
    let faults = value["failed"].as_u64().unwrap();
    assert_eq!(for_people.code, i32::from(faults > 0), "{}", for_people.err);
    assert_eq!(value["ok"], faults == 0);
    Report {
        code: for_people.code,
        value,
        text: for_people.out,
    }
}

impl Report {
    /// The findings of a check, as status, message and hint.
    fn on(&self, part: &str) -> Vec<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let findings = self.value["findings"].as_array().unwrap();
        findings
            .iter()
            .filter(|finding| finding["check"] == part)
            .map(|finding| {
                (
                    text(&finding["status"]),
                    text(&finding["message"]),
                    text(&finding["hint"]),
                )
            })
            .collect()
    }

    /// Expects such a finding of that check.
    #[track_caller]
    fn expect(&self, part: &str, status_word: &str, found: &str, expected_hint: &str) -> &Self {
        let such = self
            .on(part)
            .iter()
            .any(|(a, b, c)| a == status_word && b.contains(found) && c.contains(expected_hint));
        assert!(
            such,
            "{status_word} on {part}, {found}, {expected_hint}:\n{}",
            self.text
        );
        self
    }

    #[track_caller]
    fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{}", self.text);
        self
    }
}

#[test]
fn doctor_passes_before_the_first_start_and_creates_nothing() {
    let setup = Setup::on_a_file();
    let report = examine(&setup, &[]);
    report
        .expect_code(0)
        .expect("configuration", "passed", "valid", "")
        .expect("database", "warning", "no database file", "first start")
        .expect("mail: templates", "passed", "built-in", "")
        .expect("passwords", "passed", "NIST requires 15", "")
        .expect("public URL", "passed", "this machine only", "");
    assert!(!setup.data_dir().exists(), "it changes nothing");
    let widest = report.text.lines().map(|line| line.chars().count()).max();
    // A path of the test's folder may be longer than a line, and is not wrapped.
    assert!(widest.unwrap() < 120, "{}", report.text);
    assert!(report.text.contains("✓ configuration"), "{}", report.text);
}

#[test]
fn doctor_passes_for_a_running_server_and_does_not_affect_it() {
    let server = Setup::on_a_file();
    let running = server.start();
    let address = format!("127.0.0.1:{}", running.port);
    let setup = server
        .clone()
        .with("DOORWARD_LISTEN", &address)
        .with("DOORWARD_PUBLIC_URL", &format!("http://{address}"));
    let folder = || {
        let entries = std::fs::read_dir(setup.data_dir()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = folder();
    examine(&setup, &[])
        .expect_code(0)
        .expect("listen address", "passed", "a Doorward runs", "")
        .expect("public URL", "passed", "leads to this Doorward", "")
        .expect("master key", "passed", "unseals the signing keys", "")
        .expect("database: schema", "passed", "", "");
    assert_eq!(folder(), before);
    running.get("/readyz").expect(200);
}

#[test]
fn an_unreadable_configuration_is_reported_and_no_defaults_are_used() {
    let setup = Setup::on_a_file().with("DOORWARD_PUBLIC_ULR", "https://accounts.example");
    let report = examine(&setup, &[]);
    report
        .expect_code(1)
        .expect("configuration", "failed", "DOORWARD_PUBLIC_ULR", "")
        .expect(
            "configuration",
            "warning",
            "not checked",
            "run `doorward doctor` again",
        );
    assert!(report.on("database").is_empty());
}

/// If each setting is valid but they conflict, the other checks still run.
#[test]
fn conflicting_settings_do_not_prevent_the_other_checks() {
    let setup = Setup::on_a_file()
        .with("DOORWARD_LISTEN", "0.0.0.0:0")
        .with("DOORWARD_THROTTLE__ENABLED", "false")
        .with("ADMIN_PASSWORD", "short");
    examine(&setup, &[])
        .expect_code(1)
        .expect(
            "configuration",
            "failed",
            "other machines can reach",
            "DOORWARD_PUBLIC_URL",
        )
        .expect("configuration", "failed", "inbox", "SMTP_URL")
        .expect(
            "throttle",
            "warning",
            "password guessing",
            "throttle.enabled",
        )
        .expect("admin", "failed", "ADMIN_PASSWORD", "another")
        .expect("database", "warning", "no database file", "");
}

#[test]
fn the_mail_server_check_stops_after_the_recipient() {
    let refusing = MailSink::in_mode("rcpt-550", 0);
    let setup = Setup::on_a_file().with("SMTP_URL", &refusing.url());
    examine(&setup, &["--mail-to", "ben@example.com"])
        .expect_code(1)
        .expect(
            "mail: server",
            "failed",
            "550 while sending",
            "b***@example.com",
        );
    // Without a recipient, only the sender is checked.
    examine(&setup, &[])
        .expect_code(0)
        .expect("mail: server", "passed", "--mail-to", "");
    // The default recipient is the first admin.
    examine(&setup.clone().with("ADMIN_EMAIL", "ann@example.com"), &[])
        .expect_code(1)
        .expect("mail: server", "failed", "550", "a***@example.com");
    let taking = MailSink::start();
    let setup = setup.with("SMTP_URL", &taking.url());
    examine(&setup, &["--mail-to", "ben@example.com"])
        .expect_code(0)
        .expect("mail: server", "passed", "none was sent", "");
    examine(&setup, &["--mail-to", "ben"])
        .expect_code(1)
        .expect("mail: recipient", "failed", "", "you@example.com");
}

#[test]
fn the_health_check_queries_the_local_server() {
    let setup = Setup::on_a_file();
    let running = setup.start();
    // As in a container: it listens on all addresses, and is queried on loopback.
    let asked = setup
        .with("DOORWARD_LISTEN", &format!("0.0.0.0:{}", running.port))
        .with("DOORWARD_PUBLIC_URL", "http://localhost")
        .with("SMTP_URL", "log:");
    asked.run(&["healthcheck"]).expect(0);
    let ready = asked.run(&["healthcheck", "--ready", "--json"]).expect(0);
    assert_eq!(ready.json()["ok"], true);
    running.stop();
    let refused = asked.run(&["healthcheck"]).expect(1);
    assert!(
        refused.err.contains("no server responds"),
        "{}",
        refused.err
    );
}
