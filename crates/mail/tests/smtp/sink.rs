//! Starts `sink.py` for one test and reads its events. It stops with the test.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use doorward_domain::clock::Clock;
use doorward_domain::model::MailKind;
use doorward_domain::outbox::Mail;
use doorward_domain::values::{EmailAddress, Locale};
use doorward_mail::{MailSettings, SmtpSettings, TemplateMailer, TransportSettings};
use jiff::Timestamp;
use serde_json::Value;

/// Longer than any test takes.
const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// A mail server in one of the modes of `sink.py`.
pub struct SmtpSink {
    child: Child,
    lines: Receiver<Value>,
    pub port: u16,
}

impl SmtpSink {
    pub fn start(mode: &str) -> Self {
        Self::start_with(mode, &[])
    }

    pub fn start_with(mode: &str, arguments: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sink.py");
        let mut child = Command::new(python())
            .arg(script)
            .arg(mode)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).expect("the sink prints JSON"));
            }
        });
        let mut sink = Self {
            child,
            lines,
            port: 0,
        };
        sink.port = sink.next()["port"]
            .as_u64()
            .and_then(|port| port.try_into().ok())
            .expect("the sink names its port");
        sink
    }

    /// The next event.
    pub fn next(&self) -> Value {
        self.lines
            .recv_timeout(TEST_TIMEOUT)
            .expect("the sink reports an event")
    }

    /// The next event, of this kind.
    pub fn expect(&self, event: &str) -> Value {
        let value = self.next();
        assert_eq!(value["event"], event, "{value}");
        value
    }

    /// Stops the server and returns the events that were not read yet.
    pub fn stop(mut self) -> Vec<Value> {
        self.kill();
        // The reading thread ends with the sink, and the channel with the thread.
        self.lines.iter().collect()
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Python with aiosmtpd. The test fails if it is not installed.
fn python() -> PathBuf {
    if let Some(path) = env::var_os("DOORWARD_TEST_PYTHON") {
        return path.into();
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the target folder has a folder in it");
    let path = target.join("tools/python/bin/python");
    assert!(
        path.exists(),
        "there is no {}: run `cargo xtask test`, which sets it up (or set DOORWARD_TEST_PYTHON to a python with aiosmtpd)",
        path.display()
    );
    path
}

pub struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        "2026-11-21T09:15:00.123456Z".parse().unwrap()
    }
}

pub fn open(transport: TransportSettings) -> TemplateMailer {
    let settings = MailSettings::new("Doorward <no-reply@id.example.com>", transport);
    TemplateMailer::open(&settings, Arc::new(StoppedClock)).unwrap()
}

/// A mailer for the URL of a mail server, with a short time limit.
pub fn mailer(url: &str) -> TemplateMailer {
    let mut settings = SmtpSettings::parse(url).unwrap();
    settings.timeout = Duration::from_secs(10);
    open(TransportSettings::Smtp(settings))
}

pub fn mailer_for(sink: &SmtpSink) -> TemplateMailer {
    mailer(&format!("smtp://127.0.0.1:{}", sink.port))
}

pub fn mail(number: u32) -> Mail {
    Mail {
        kind: MailKind::SignUp,
        to: EmailAddress::parse("Ben.Miller@example.com").unwrap(),
        locale: Locale::En,
        greeting: Some("Ben Müller".to_owned()),
        username: Some("ben-m".to_owned()),
        url: "https://id.example.com/confirmation/Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8"
            .to_owned(),
        valid_minutes: Some(1440),
        at: "2026-11-21T08:00:30Z".parse().unwrap(),
        new_email: None,
        deletion_at: None,
        device: None,
        message_id: format!("019ab3c0-0000-7000-8000-000000000001.{number}"),
    }
}
