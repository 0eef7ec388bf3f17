//! One journey in Chromium, with JavaScript disabled: redirected to the sign-in page, in, back, and out.

use doorward_testkit::wait::until;
use doorward_testkit::webdriver::Driver;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stack::{Kind, PASSWORD, ProxyStack};

/// WebDriver's name for an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

struct Browser {
    driver: Driver,
    session: String,
    _profile: TempDir,
}

impl Browser {
    fn open() -> Self {
        let (driver, profile) = (Driver::start(), tempfile::tempdir().unwrap());
        let folder = format!("--user-data-dir={}", profile.path().display());
        let options = json!({
            // The browser does not know the test's authority.
            "acceptInsecureCerts": true,
            "goog:chromeOptions": {
                "args": ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--window-size=1000,700", folder],
                "prefs": {"intl.accept_languages": "en", "profile.default_content_setting_values.javascript": 2},
            },
        });
        Self {
            session: driver.open(options),
            driver,
            _profile: profile,
        }
    }

    fn try_post(&self, path: &str, body: &Value) -> Result<Value, Value> {
        let path = format!("{}{path}", self.session);
        self.driver.send("POST", &path, body)
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        self.try_post(path, body)
            .unwrap_or_else(|error| panic!("{path} {body}: {error}"))
    }

    fn get(&self, path: &str) -> Value {
        let path = format!("{}{path}", self.session);
        self.driver.send("GET", &path, &Value::Null).unwrap()
    }

    fn go(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    fn find(&self, css: &str) -> Option<String> {
        let wanted = json!({"using": "css selector", "value": css});
        let found = self.try_post("/element", &wanted).ok()?;
        Some(found[ELEMENT].as_str()?.to_owned())
    }

    /// Waits for the first matching element.
    #[track_caller]
    fn element(&self, css: &str) -> String {
        until(css, || self.find(css))
    }

    #[track_caller]
    fn fill(&self, css: &str, text: &str) {
        let path = format!("/element/{}/value", self.element(css));
        self.post(&path, &json!({ "text": text }));
    }

    #[track_caller]
    fn click(&self, css: &str) {
        let path = format!("/element/{}/click", self.element(css));
        self.post(&path, &json!({}));
    }

    #[track_caller]
    fn text(&self, css: &str) -> String {
        let element = self.element(css);
        let text = self.get(&format!("/element/{element}/text"));
        text.as_str().unwrap().to_owned()
    }

    fn url(&self) -> String {
        self.get("/url").as_str().unwrap().to_owned()
    }

    /// Takes a screenshot, for tests by hand: `DOORWARD_TEST_PICTURES` is the folder.
    fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("DOORWARD_TEST_PICTURES") else {
            return;
        };
        let file = std::path::Path::new(&folder).join(name);
        let taken = self.get("/screenshot");
        let mut decode = std::process::Command::new("base64");
        decode.arg("-d").stdin(std::process::Stdio::piped());
        let mut decode = decode
            .stdout(std::fs::File::create(file).unwrap())
            .spawn()
            .unwrap();
        let picture = taken.as_str().unwrap();
        std::io::Write::write_all(&mut decode.stdin.take().unwrap(), picture.as_bytes()).unwrap();
        decode.wait().unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Chromium ends with its session. Without this it would outlive chromedriver.
        let _ = self.driver.send("DELETE", &self.session, &Value::Null);
    }
}

#[test]
fn a_user_reaches_the_requested_page() {
    let stack = ProxyStack::start(Kind::Nginx);
    let browser = Browser::open();
    let wanted = format!("{}/reports?year=2026&by=month&q=%26%23+x", stack.origin);
    browser.go(&wanted);
    assert!(
        browser.url().contains("/sign-in?return_to="),
        "{}",
        browser.url()
    );
    browser.picture("sign-in.png");
    // A new user: a username is enough, and `return_to` is preserved.
    browser.click("a[href^='/sign-up?return_to=']");
    browser.click("a[href^='/sign-up?with=username&return_to=']");
    browser.fill("form[action='/sign-up'] #username", "ben");
    browser.fill("#password", PASSWORD);
    browser.click("form[action='/sign-up'] button");
    browser.fill("form[action='/sign-in'] #username", "ben");
    browser.fill("#password", "not mine at all");
    browser.click("form[action='/sign-in'] button");
    assert!(browser.text("[role=alert]").contains("Wrong"));
    browser.picture("refused.png");
    browser.fill("#username[value]", "");
    browser.fill("#password", PASSWORD);
    browser.click("form[action='/sign-in'] button");
    assert!(
        browser
            .text("pre")
            .starts_with("GET /reports?year=2026&by=month&q=%26%23+x\n")
    );
    assert_eq!(
        (browser.url(), browser.text("h1")),
        (wanted.clone(), "Hello, ben".to_owned())
    );
    browser.picture("in.png");
    browser.click("a[href='/admin/']");
    assert!(browser.text("h1").contains("403"));
    browser.go(&format!("{}/account", stack.origin));
    assert_eq!(browser.text("h1"), "Hello, ben");
    browser.picture("account.png");
    browser.click(".menu summary");
    browser.click("form[action='/auth/sign-out'] button");
    browser.element("#username");
    browser.go(&wanted);
    browser.element("#username");
    assert!(
        browser.url().contains("/sign-in?return_to="),
        "{}",
        browser.url()
    );
}
