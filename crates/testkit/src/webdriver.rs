//! A browser to drive: chromedriver, and as much of WebDriver's protocol (W3C) as tests need, which is
//! JSON over HTTP.
//!
//! chromedriver dies with the test, and Chromium with chromedriver, however either ends.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{ChildStdout, Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::Request;
use crate::process::Process;

/// What to do where the programs are missing.
pub const HOW_TO_INSTALL: &str = "run cargo xtask test, which installs it";

/// Chromium, as chromedriver is to start it.
const LEASHED: &str = "#!/bin/sh\nexec setpriv --pdeathsig KILL -- chromium \"$@\"\n";

/// chromedriver running. It is killed when the test is over.
#[derive(Debug)]
pub struct Driver {
    url: String,
    /// Kept open, lest chromedriver dies of saying something.
    _stdout: BufReader<ChildStdout>,
    _process: Process,
    folder: TempDir,
}

impl Driver {
    /// Starts it, on a port that it finds itself.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let mut command = Command::new("chromedriver");
        command.arg("--port=0");
        let (process, mut stdout) = Process::read(&command);
        let mut line = String::new();
        let port: u16 = loop {
            line.clear();
            assert!(
                stdout.read_line(&mut line).is_ok_and(|read| read > 0),
                "chromedriver ended before it said its port: {HOW_TO_INSTALL}"
            );
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim().trim_end_matches('.').parse().expect("a port");
            }
        };
        Self {
            url: format!("http://localhost:{port}"),
            _stdout: stdout,
            _process: process,
            folder,
        }
    }

    /// Opens a Chromium with these options (`goog:chromeOptions` and what stands beside them); the
    /// path of its session.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[must_use]
    pub fn open(&self, mut options: Value) -> String {
        let program = self.folder.path().join("chromium");
        let written = std::fs::write(&program, LEASHED).and_then(|()| {
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))
        });
        written.expect("a folder for temporary files");
        options["browserName"] = json!("chrome");
        options["goog:chromeOptions"]["binary"] = json!(program);
        let capabilities = json!({"capabilities": {"alwaysMatch": options}});
        let opened = self.send("POST", "/session", &capabilities);
        let opened = opened.unwrap_or_else(|error| {
            let why = &error["message"];
            panic!("chromium cannot be run ({why}): {HOW_TO_INSTALL}")
        });
        let session = opened["sessionId"].as_str().expect("it has a name");
        format!("/session/{session}")
    }

    /// Sends a command; what it gives back.
    ///
    /// # Errors
    /// WebDriver's own.
    ///
    /// # Panics
    /// Where chromedriver does not answer.
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, Value> {
        let mut request = Request::new(method, &format!("{}{path}", self.url));
        if method == "POST" {
            request = request.json(body);
        }
        let value = request.send().json()["value"].take();
        if value["error"].is_string() {
            Err(value)
        } else {
            Ok(value)
        }
    }
}
