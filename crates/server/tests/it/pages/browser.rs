//! A client that stores cookies, like a browser.

use std::collections::BTreeMap;

use super::Page;
use crate::support::{Client, TestApp, TestResponse};

/// A browser: it stores cookies and sends them.
pub struct Browser {
    client: Client,
    language: &'static str,
    pub cookies: BTreeMap<String, String>,
}

impl Browser {
    pub fn new(app: &TestApp, language: &'static str) -> Self {
        Self {
            client: app.anonymous(),
            language,
            cookies: BTreeMap::new(),
        }
    }

    async fn send(&mut self, method: &str, path: &str, form: Option<&str>) -> TestResponse {
        let cookies = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        let draft = self.client.request(method, path).on_our_page();
        let draft = draft
            .header("accept-language", self.language)
            .header("cookie", &cookies);
        let answer = match form {
            Some(form) => draft.form(form).send().await,
            None => draft.send().await,
        };
        for cookie in answer.cookies() {
            let (name, rest) = cookie.split_once('=').unwrap();
            match rest.split(';').next().unwrap() {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    pub async fn get(&mut self, path: &str) -> TestResponse {
        self.send("GET", path, None).await
    }

    pub async fn post(&mut self, path: &str, form: &str) -> TestResponse {
        self.send("POST", path, Some(form)).await
    }

    /// The page of a response with this status.
    #[track_caller]
    pub fn page(&self, answer: TestResponse, status: u16) -> Page {
        let answer = answer.expect(status);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        Page::of(&answer, self.language)
    }

    /// Asserts that the response is a redirect.
    #[track_caller]
    pub fn redirected(answer: TestResponse, path: &str) {
        assert_eq!(answer.expect(303).header("location"), Some(path));
    }
}
