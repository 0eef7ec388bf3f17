//! `Browser`, a separate Chromium for each test: opens, clicks, types, reads.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use doorward_testkit::webdriver::Driver;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::Server;

/// Longer than anything takes. Only a failing test reaches it.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(30);
/// WebDriver's name for an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// Chromium uses neither the network nor a display.
const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// How the browser is set up.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    pub language: &'static str,
    pub script: bool,
}

/// A browser and its server.
pub struct Browser {
    driver: Driver,
    session: String,
    server: Server,
    _profile: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Browser {
    pub fn open(setup: Setup) -> Self {
        Self::open_at(setup, &[])
    }

    /// With settings for the server.
    pub fn open_at(setup: Setup, variables: &[(&str, &str)]) -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let profile = tempfile::tempdir().unwrap();
        let mut arguments: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        arguments.push(format!("--lang={}", setup.language));
        // 1 allows, 2 blocks.
        let script = if setup.script { 1 } else { 2 };
        let options = json!({
            "goog:chromeOptions": {
                "args": arguments,
                "prefs": {"intl.accept_languages": setup.language, "profile.default_content_setting_values.javascript": script},
            },
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        });
        let (server, driver) = (Server::start(variables), Driver::start());
        Self {
            session: driver.open(options),
            driver,
            server,
            _profile: profile,
            _turn: turn,
        }
    }

    pub fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    fn try_post(&self, path: &str, body: &Value) -> Result<Value, Value> {
        self.driver
            .send("POST", &format!("{}{path}", self.session), body)
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        self.try_post(path, body)
            .unwrap_or_else(|error| panic!("{path} {body}: {}", error["message"]))
    }

    fn get(&self, path: &str) -> Result<Value, Value> {
        self.driver
            .send("GET", &format!("{}{path}", self.session), &Value::Null)
    }

    /// Opens a path of the server, or a whole URL.
    pub fn go(&self, place: &str) {
        let url = if place.starts_with('/') {
            self.url(place)
        } else {
            place.to_owned()
        };
        self.post("/url", &json!({ "url": url }));
    }

    fn find(&self, css: &str) -> Result<String, Value> {
        let found = self.try_post("/element", &json!({"using": "css selector", "value": css}))?;
        Ok(found[ELEMENT].as_str().unwrap_or_default().to_owned())
    }

    #[track_caller]
    fn element(&self, css: &str) -> String {
        self.find(css).unwrap_or_else(|error| {
            panic!(
                "{css}: {} on a page with {:?}",
                error["message"],
                self.text("main")
            )
        })
    }

    /// The text of the first matching element. `None` if there is none or it disappears.
    pub fn text(&self, css: &str) -> Option<String> {
        let element = self.find(css).ok()?;
        let text = self.get(&format!("/element/{element}/text")).ok()?;
        text.as_str().map(str::to_owned)
    }

    pub fn has(&self, css: &str) -> bool {
        self.find(css).is_ok()
    }

    /// An attribute, or the property with that name.
    #[track_caller]
    pub fn attribute(&self, css: &str, name: &str) -> String {
        let element = self.element(css);
        let value = self
            .get(&format!("/element/{element}/attribute/{name}"))
            .unwrap();
        value.as_str().unwrap_or_default().to_owned()
    }

    /// Value of a form field.
    #[track_caller]
    pub fn value(&self, css: &str) -> String {
        let element = self.element(css);
        let value = self
            .get(&format!("/element/{element}/property/value"))
            .unwrap();
        value.as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub fn fill(&self, css: &str, text: &str) {
        let element = self.element(css);
        self.post(&format!("/element/{element}/clear"), &json!({}));
        self.post(
            &format!("/element/{element}/value"),
            &json!({ "text": text }),
        );
    }

    /// Opens the user's menu and signs out.
    #[track_caller]
    pub fn sign_out(&self) {
        // The check of a page opens it.
        if !self.has(".menu[open]") {
            let menu = self.element(".menu summary");
            self.post(&format!("/element/{menu}/click"), &json!({}));
        }
        self.click("form[action='/auth/sign-out'] button");
    }

    /// Clicks an element that leads to another page, and waits until the old page is gone.
    #[track_caller]
    pub fn click(&self, css: &str) {
        let (old, element) = (self.element("html"), self.element(css));
        self.post(&format!("/element/{element}/click"), &json!({}));
        eventually(&format!("a click on {css} leads somewhere"), || {
            let is_gone = self.get(&format!("/element/{old}/name")).is_err();
            (is_gone && self.has("h1")).then_some(())
        });
    }

    #[track_caller]
    pub fn expect_heading(&self, wanted: &str) {
        assert_eq!(
            self.text("h1").as_deref(),
            Some(wanted),
            "{:?}",
            self.text("main")
        );
    }

    #[track_caller]
    pub fn expect_text(&self, css: &str, wanted: &str) {
        let text = self
            .text(css)
            .unwrap_or_else(|| panic!("no {css} on a page with {:?}", self.text("main")));
        assert!(text.contains(wanted), "{text}");
    }

    /// Runs a script, like a user at the console.
    #[track_caller]
    pub fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Runs an asynchronous script, whose last argument is the callback.
    #[track_caller]
    pub fn run_async(&self, script: &str, arguments: &Value) -> Value {
        self.post(
            "/execute/async",
            &json!({"script": script, "args": arguments}),
        )
    }

    /// Presses the tab key this many times.
    pub fn tab(&self, times: u64) {
        let press = [
            json!({"type": "keyDown", "value": "\u{e004}"}),
            json!({"type": "keyUp", "value": "\u{e004}"}),
        ];
        let presses: Vec<_> = (0..times).flat_map(|_| press.clone()).collect();
        self.post(
            "/actions",
            &json!({"actions": [{"type": "key", "id": "keyboard", "actions": presses}]}),
        );
    }

    /// A command of Chromium's own protocol.
    pub fn chromium(&self, command: &str, parameters: &Value) {
        self.post(
            "/goog/cdp/execute",
            &json!({"cmd": command, "params": parameters}),
        );
    }

    /// New log entries since the last call: `browser` is the console, `performance` the network.
    pub fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.post("/se/log", &json!({ "type": kind }));
        entries.as_array().unwrap().clone()
    }

    /// Opens the inbox and waits for the mail with this number, counted from the first.
    #[track_caller]
    pub fn await_mail(&self, number: usize) {
        eventually(&format!("mail {number} arrives"), || {
            self.go("/inbox");
            self.has(&format!("article:nth-last-of-type({number})"))
                .then_some(())
        });
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Chromium ends with its session. Without this it would outlive chromedriver.
        let _ = self.driver.send("DELETE", &self.session, &Value::Null);
    }
}

/// Polls until there is a value. For the work of another process.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + TEST_TIMEOUT;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "it never came to this: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
