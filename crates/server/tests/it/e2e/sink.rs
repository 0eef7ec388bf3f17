//! A real mail server: `sink.py` of the mail crate's tests, as a separate process.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Accepts every mail, unless it is started in another mode. Stops on drop.
pub struct MailSink {
    child: Child,
    events: Receiver<Value>,
    pub port: u16,
}

impl MailSink {
    pub fn start() -> Self {
        Self::start_at(0)
    }

    pub fn start_at(port: u16) -> Self {
        Self::in_mode("ok", port)
    }

    /// One that does not accept every mail; `sink.py` lists the modes.
    pub fn in_mode(mode: &str, port: u16) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mail/tests/sink.py");
        let mut child = Command::new(python())
            .arg(script)
            .args([mode, "--port", &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).expect("the sink prints JSON"));
            }
        });
        let first: Value = events.recv_timeout(TEST_TIMEOUT).expect("the sink listens");
        let port = u16::try_from(first["port"].as_u64().unwrap()).unwrap();
        Self {
            child,
            events,
            port,
        }
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// The next mail that arrives.
    pub fn next_mail(&self) -> ReceivedMail {
        ReceivedMail(self.next("mail"))
    }

    /// Mails that have arrived and were not read yet.
    pub fn other_mails(&self) -> Vec<ReceivedMail> {
        let events = self.events.try_iter();
        events
            .filter(|event| event["event"] == "mail")
            .map(ReceivedMail)
            .collect()
    }

    /// Waits until it has a mail to which it does not reply.
    pub fn holds_one(&self) {
        self.next("held");
    }

    fn next(&self, event: &str) -> Value {
        loop {
            let reported = self.events.recv_timeout(TEST_TIMEOUT);
            let reported =
                reported.unwrap_or_else(|_| panic!("the mail server never reports: {event}"));
            if reported["event"] == event {
                return reported;
            }
        }
    }
}

impl Drop for MailSink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A mail as the mail server received it.
pub struct ReceivedMail(Value);

impl ReceivedMail {
    pub fn to(&self) -> &str {
        self.0["rcpt_tos"][0].as_str().unwrap()
    }

    pub fn text(&self) -> &str {
        self.0["parsed"]["parts"]["text/plain"].as_str().unwrap()
    }

    /// All its fields and parts.
    pub fn whole(&self) -> String {
        self.0["parsed"].to_string()
    }

    /// The path of the link that starts with `under`.
    pub fn link(&self, under: &str) -> String {
        let text = self.text();
        let at = text
            .find(under)
            .unwrap_or_else(|| panic!("no {under} in: {text}"));
        text[at..].split_whitespace().next().unwrap().to_owned()
    }
}

/// Python with aiosmtpd. The test fails if it is not installed.
#[expect(
    clippy::disallowed_methods,
    reason = "tests read the path of Python from the environment"
)]
pub fn python() -> PathBuf {
    if let Some(path) = std::env::var_os("DOORWARD_TEST_PYTHON") {
        return path.into();
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    let path = target
        .expect("it is in the target folder")
        .join("tools/python/bin/python");
    assert!(
        path.exists(),
        "there is no {}: run `cargo xtask test`, which sets it up (or set DOORWARD_TEST_PYTHON to a python with aiosmtpd)",
        path.display()
    );
    path
}
