//! A client that sends requests: anonymous, a user or an admin.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST};
use axum::http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::{FORM, JSON, PASSWORD, TestResponse};

/// Sends requests to the router from one network address, with a token or without.
#[derive(Clone)]
pub struct Client {
    router: Router,
    address: IpAddr,
    pub token: Option<String>,
}

impl Client {
    pub fn new(router: Router, address: IpAddr) -> Self {
        Self {
            router,
            address,
            token: None,
        }
    }

    /// The same client, signed in.
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    pub fn token(&self) -> &str {
        self.token.as_deref().expect("this one is signed in")
    }

    pub fn request(&self, method: &str, path: &str) -> RequestBuilder<'_> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        let draft = RequestBuilder {
            client: self,
            request,
        };
        match &self.token {
            Some(token) => draft.header(AUTHORIZATION.as_str(), &format!("Bearer {token}")),
            None => draft,
        }
    }

    pub async fn get(&self, path: &str) -> TestResponse {
        self.request("GET", path).send().await
    }

    pub async fn post(&self, path: &str, body: Value) -> TestResponse {
        self.request("POST", path).json(&body).send().await
    }

    pub async fn put(&self, path: &str, body: Value) -> TestResponse {
        self.request("PUT", path).json(&body).send().await
    }

    pub async fn patch(&self, path: &str, body: Value) -> TestResponse {
        self.request("PATCH", path).json(&body).send().await
    }

    pub async fn delete(&self, path: &str) -> TestResponse {
        self.request("DELETE", path).send().await
    }

    /// Signs in on the page, like a user in a browser. The response is a redirect with cookies.
    pub async fn sign_in_on_page(&self, username: &str) -> TestResponse {
        let form = format!(
            "username={username}&password={}",
            PASSWORD.replace(' ', "+")
        );
        let draft = self.request("POST", "/auth").on_our_page().form(&form);
        draft.send().await.expect(303)
    }
}

/// A request under construction.
pub struct RequestBuilder<'c> {
    client: &'c Client,
    request: Request<Body>,
}

impl RequestBuilder<'_> {
    /// Adds a field; a repeated name adds a second one.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.header_bytes(name, value.as_bytes())
    }

    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        let value = HeaderValue::from_bytes(value).unwrap();
        self.request.headers_mut().append(name, value);
        self
    }

    /// Marks the request as over the listener's limit.
    pub fn without_request_slot(mut self) -> Self {
        let extensions = self.request.extensions_mut();
        extensions.insert(doorward_web::RequestRejection::Overloaded);
        self
    }

    /// Makes it a browser's request for a page.
    pub fn html(self) -> Self {
        self.header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
    }

    /// Makes it a form submitted from a page of this server.
    pub fn on_our_page(self) -> Self {
        self.header("sec-fetch-site", "same-origin").html()
    }

    pub fn cookie(mut self, token: &str) -> Self {
        self.request.headers_mut().remove(AUTHORIZATION);
        self.header(COOKIE.as_str(), &format!("__Host-doorward={token}"))
    }

    pub fn json(self, body: &Value) -> Self {
        self.body(JSON, body.to_string())
    }

    pub fn form(self, body: &str) -> Self {
        self.body(FORM, body.to_owned())
    }

    pub fn body(self, kind: &str, body: impl Into<Body>) -> Self {
        self.header(CONTENT_TYPE.as_str(), kind).bare_body(body)
    }

    /// A body without a content type.
    pub fn bare_body(mut self, body: impl Into<Body>) -> Self {
        *self.request.body_mut() = body.into();
        self
    }

    /// Sends the request, and asserts that the status is not a 5xx.
    pub async fn send(self) -> TestResponse {
        let answer = self.send_to_broken().await;
        assert!(answer.status < 500, "{} {}", answer.status, answer.text());
        answer
    }

    /// Sends the request to a server that may be broken. Checks every response with [`TestResponse::assert_invariants`].
    pub async fn send_to_broken(mut self) -> TestResponse {
        let is_head = self.request.method() == Method::HEAD;
        let peer = SocketAddr::new(self.client.address, 50_000);
        self.request.extensions_mut().insert(ConnectInfo(peer));
        // HTTP/1.1 clients send the host. An empty one means none.
        let names_host = self.request.uri().authority().is_some();
        match self.request.headers().get(HOST) {
            Some(host) if host.is_empty() => drop(self.request.headers_mut().remove(HOST)),
            None if !names_host => self = self.header("host", "localhost:8000"),
            _ => {}
        }
        let response = self
            .client
            .router
            .clone()
            .oneshot(self.request)
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let answer = TestResponse {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes().to_vec(),
        };
        if !is_head {
            answer.assert_invariants();
        }
        answer
    }
}
