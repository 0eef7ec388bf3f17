//! Controls a browser: chromedriver, and the part of the WebDriver protocol (W3C) that tests need, JSON over HTTP.
//!
//! chromedriver ends with the test, and Chromium with chromedriver, in every case.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{ChildStdout, Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::Request;
use crate::process::Process;

/// Hint if the programs are missing.
pub const HOW_TO_INSTALL: &str = "run cargo xtask test, which installs it";

/// Script that starts Chromium for chromedriver.
const CHROMIUM_WRAPPER: &str = "#!/bin/sh\nexec setpriv --pdeathsig KILL -- chromium \"$@\"\n";

/// A running chromedriver. Dropping it kills it.
#[derive(Debug)]
pub struct Driver {
    url: String,
    /// Kept open, since chromedriver ends if it cannot write to it.
    _stdout: BufReader<ChildStdout>,
    _process: Process,
    folder: TempDir,
}

impl Driver {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// If it cannot be started.
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

    /// Opens a Chromium with these options (`goog:chromeOptions` and others). Returns the path of its session.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn open(&self, mut options: Value) -> String {
        let program = self.folder.path().join("chromium");
        let written = std::fs::write(&program, CHROMIUM_WRAPPER).and_then(|()| {
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

    /// Sends a command and returns its result.
    ///
    /// # Errors
    /// The error of WebDriver.
    ///
    /// # Panics
    /// If chromedriver does not respond.
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
