//! Responses, and checks that apply to all of them.

use axum::http::HeaderMap;
use serde_json::Value;

/// A complete response.
#[derive(Debug, Clone)]
pub struct TestResponse {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl TestResponse {
    /// Returns the response if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Returns the response if it is this problem.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        assert_eq!(
            (self.status, self.code().as_str()),
            (status, code),
            "{}",
            self.text()
        );
        self
    }

    /// The invalid fields with their codes, sorted by field. The response must be a 422.
    #[track_caller]
    pub fn faults(&self) -> Vec<(String, String)> {
        assert_eq!(self.code(), "validation-failed", "{}", self.text());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let errors = self.json()["errors"].as_array().unwrap().clone();
        let mut faults: Vec<_> = errors
            .iter()
            .map(|e| (text(&e["field"]), text(&e["code"])))
            .collect();
        faults.sort();
        faults
    }

    /// Asserts that exactly these fields, in order, have these codes.
    #[track_caller]
    pub fn assert_field_errors(&self, expected: &[(&str, &str)]) {
        let faults = self.faults();
        let faults: Vec<_> = faults
            .iter()
            .map(|(field, code)| (field.as_str(), code.as_str()))
            .collect();
        assert_eq!(faults, expected, "{}", self.text());
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The problem's code. Empty if the response is not a problem.
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body without fields that differ between requests.
    pub fn json_without(&self, names: &[&str]) -> Value {
        let mut body = self.json();
        for name in names {
            body.as_object_mut().unwrap().remove(*name);
        }
        body
    }

    /// The header fields without those that differ between requests, sorted by name.
    pub fn headers_without(&self, names: &[&str]) -> Vec<(String, Vec<u8>)> {
        let kept = self
            .headers
            .iter()
            .filter(|(name, _)| !names.contains(&name.as_str()));
        let mut all: Vec<_> = kept
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect();
        all.sort();
        all
    }

    /// Checks for every response (H-01, H-02, H-03, H-06, H-11, W-01).
    #[track_caller]
    pub fn assert_invariants(&self) {
        let kind = self.header("content-type").unwrap_or_default();
        let is_page = kind.starts_with("text/html");
        // Mails show it, too.
        let is_of_brand = kind.starts_with("image/")
            && self.header("cache-control") == Some("public, max-age=3600");
        // A download without lines is empty.
        let is_lines = kind == "application/x-ndjson";
        assert!(
            kind.is_empty() == self.body.is_empty() || is_lines || self.status == 405,
            "{kind}: {}",
            self.text()
        );
        let policy = self.header("content-security-policy").unwrap();
        if policy.contains("; sandbox allow-same-origin ") {
            // A mail in the built-in inbox, which its own page shows in a frame.
            assert!(policy.starts_with("default-src 'none'; style-src 'unsafe-inline'; "));
            assert!(policy.contains("frame-ancestors 'self'") && !policy.contains("script"));
            assert_eq!(self.header("x-frame-options"), Some("SAMEORIGIN"));
            return;
        }
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(policy.contains("style-src 'self'"), is_page, "{policy}");
        assert_eq!(policy.contains("object-src 'none'"), is_page, "{policy}");
        assert!(
            !policy.contains("unsafe") && !policy.contains('*'),
            "{policy}"
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            (
                "referrer-policy",
                if is_page {
                    "strict-origin"
                } else {
                    "no-referrer"
                },
            ),
            ("x-frame-options", "DENY"),
            (
                "cross-origin-resource-policy",
                match is_of_brand {
                    true => "cross-origin",
                    false => "same-origin",
                },
            ),
            ("cross-origin-opener-policy", "same-origin"),
            (
                "strict-transport-security",
                "max-age=63072000; includeSubDomains",
            ),
        ] {
            assert_eq!(self.header(name), Some(value), "{name}");
        }
        let permissions = self.header("permissions-policy").unwrap();
        for feature in ["camera", "geolocation", "microphone", "payment", "usb"] {
            assert!(permissions.contains(&format!("{feature}=()")), "{feature}");
        }
        assert!(!permissions.contains('*') && !permissions.contains("self"));
        assert!(self.header("server").is_none() && self.header("x-powered-by").is_none());
        self.assert_cookies();
        assert_eq!(self.header("x-request-id").unwrap().len(), 32);
        let cache = self.header("cache-control").unwrap();
        assert!(
            cache == "no-store" || (self.status < 400 && cache.starts_with("public, max-age=")),
            "{cache}"
        );
        if self.status >= 400 {
            self.assert_problem(is_page);
        }
    }

    /// S-09: checks all cookies. No script or other site can read them.
    #[track_caller]
    fn assert_cookies(&self) {
        for cookie in self.cookies() {
            assert!(cookie.len() <= 4096, "{cookie}");
            assert!(cookie.starts_with("__Host-doorward"), "{cookie}");
            let (_, attributes) = cookie.split_once(';').unwrap();
            let wanted = [" Path=/", " Secure", " HttpOnly", " SameSite=Lax"];
            let rest: Vec<_> = attributes
                .split(';')
                .filter(|attribute| !wanted.contains(attribute))
                .collect();
            assert_eq!(
                rest.len(),
                attributes.split(';').count() - wanted.len(),
                "{cookie}"
            );
            assert!(
                rest.iter()
                    .all(|attribute| attribute.starts_with(" Max-Age=")),
                "{cookie}"
            );
        }
    }

    /// Asserts that this is `GET /` for a client without a session: no field of a user.
    #[track_caller]
    pub fn assert_greeting(&self) {
        let greeting = self.json();
        assert_eq!(greeting["message"], "Hello World");
        assert_eq!(greeting["name"], "Doorward");
        assert_eq!(greeting["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(greeting["links"]["docs"], "/docs");
        assert_eq!(greeting["sign_up"]["policy"], "open");
        assert_eq!(greeting.as_object().unwrap().len(), 5, "{greeting}");
    }

    /// Every cookie that the response sets, with attributes.
    pub fn cookies(&self) -> Vec<&str> {
        let fields = self.headers.get_all("set-cookie").iter();
        fields.map(|value| value.to_str().unwrap()).collect()
    }

    /// The value of the cookie that the response sets under this name.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.cookies();
        let mut values = cookies.iter().filter_map(|cookie| {
            let (found, rest) = cookie.split_once('=')?;
            (found == name).then(|| rest.split(';').next().unwrap())
        });
        values.next()
    }

    #[track_caller]
    fn assert_problem(&self, is_page: bool) {
        // The form of the audit log has a choice `forbidden`.
        let forbidden = match is_page {
            true => "/problems/forbidden\"",
            false => "\"forbidden\"",
        };
        assert_eq!(
            self.header("www-authenticate").is_some(),
            self.status == 401 || self.text().contains(forbidden)
        );
        assert_eq!(self.header("allow").is_some(), self.status == 405);
        if matches!(self.status, 429 | 503) {
            let seconds: u64 = self.header("retry-after").unwrap().parse().unwrap();
            assert!(seconds > 0);
        }
        if is_page {
            return;
        }
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let body = self.json();
        let code = body["code"].as_str().unwrap();
        let known = doorward_web::Code::ALL
            .iter()
            .find(|known| known.as_str() == code)
            .unwrap();
        assert_eq!(known.status().as_u16(), self.status);
        assert_eq!(body["status"], self.status);
        assert_eq!(
            body["type"],
            format!("{}/problems/{code}", super::PUBLIC_URL)
        );
        assert_eq!(body["request_id"], self.header("x-request-id").unwrap());
        assert!(!body["title"].as_str().unwrap().is_empty());
        assert!(!body["detail"].as_str().unwrap().is_empty());
        assert_eq!(
            body["errors"]
                .as_array()
                .is_some_and(|errors| !errors.is_empty()),
            self.status == 422
        );
        if let Some(challenge) = self.header("www-authenticate") {
            assert!(challenge.starts_with("Bearer realm="));
            assert_eq!(
                challenge.contains("error=\"invalid_token\""),
                code == "invalid-token"
            );
            assert_eq!(
                challenge.contains("error=\"insufficient_scope\""),
                code == "forbidden"
            );
        }
        assert!(!self.text().contains("secret-of-the-inside"));
    }
}
