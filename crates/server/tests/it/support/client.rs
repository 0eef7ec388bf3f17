//! Somebody who sends requests: nobody, a user or an admin.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST};
use axum::http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::{Answer, FORM, JSON, PASSWORD};

/// Speaks to the router from one network address, with a token or without.
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

    /// The same one, signed in.
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    pub fn token(&self) -> &str {
        self.token.as_deref().expect("this one is signed in")
    }

    pub fn request(&self, method: &str, path: &str) -> Draft<'_> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        let draft = Draft {
            client: self,
            request,
            form: None,
        };
        match &self.token {
            Some(token) => draft.header(AUTHORIZATION.as_str(), &format!("Bearer {token}")),
            None => draft,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send().await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.request("POST", path).json(&body).send().await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.request("PUT", path).json(&body).send().await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.request("PATCH", path).json(&body).send().await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.request("DELETE", path).send().await
    }

    /// Signs in on the page, as a person does, and is sent on with the cookies of it.
    pub async fn sign_in_on_page(&self, username: &str) -> Answer {
        let form = format!(
            "username={username}&password={}",
            PASSWORD.replace(' ', "+")
        );
        let draft = self.request("POST", "/auth").on_our_page().form(&form);
        draft.send().await.expect(303)
    }
}

/// A request being written.
pub struct Draft<'c> {
    client: &'c Client,
    request: Request<Body>,
    /// The fields of a form that a page of ours has shown.
    form: Option<String>,
}

impl Draft<'_> {
    /// One more field; the same name again gives a second one.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.header_bytes(name, value.as_bytes())
    }

    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        let value = HeaderValue::from_bytes(value).unwrap();
        self.request.headers_mut().append(name, value);
        self
    }

    /// For which the listener had no place.
    pub fn without_a_place(mut self) -> Self {
        let extensions = self.request.extensions_mut();
        extensions.insert(doorward_web::Refusal::Overloaded);
        self
    }

    /// A browser that asks for a page.
    pub fn html(self) -> Self {
        self.header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
    }

    /// As a page of our own would post: with what it was shown to this browser with.
    pub fn on_our_page(mut self) -> Self {
        self.form = Some(String::new());
        self.header("sec-fetch-site", "same-origin").html()
    }

    pub fn cookie(mut self, token: &str) -> Self {
        self.request.headers_mut().remove(AUTHORIZATION);
        self.header(COOKIE.as_str(), &format!("__Host-doorward={token}"))
    }

    pub fn json(self, body: &Value) -> Self {
        self.body(JSON, body.to_string())
    }

    pub fn form(mut self, body: &str) -> Self {
        if let Some(form) = &mut self.form {
            body.clone_into(form);
            return self;
        }
        self.body(FORM, body.to_owned())
    }

    /// Looks at the page first, as people do, and fills in the form that is shown there.
    async fn on_its_page(mut self) -> Self {
        let Some(form) = self.form.take() else {
            return self;
        };
        let has_body = self.request.headers().contains_key(CONTENT_TYPE);
        if self.request.method() != Method::POST || has_body {
            return self;
        }
        // Whose page it is matters where a session is looked at, and where a link is followed.
        let path = self.request.uri().path();
        let link = path.strip_suffix("/disown").unwrap_or(path);
        let path = match path {
            "/password" | "/auth/end" => "/password",
            _ if link.matches('/').count() == 2 => link,
            _ => "/recovery",
        };
        // From elsewhere, so that the look takes from none of its budgets.
        let anon = Client {
            address: IpAddr::from([203, 0, 113, 200]),
            token: None,
            ..self.client.clone()
        };
        let mut look = anon.request("GET", path).html();
        for name in [AUTHORIZATION, COOKIE] {
            if let Some(value) = self.request.headers().get(&name) {
                look.request.headers_mut().insert(name, value.clone());
            }
        }
        let page = Box::pin(look.send_to_broken()).await;
        if let Some(visit) = page.header("set-cookie") {
            let visit = visit.split(';').next().unwrap_or_default();
            let cookies = self.request.headers().get(COOKIE);
            let cookies = cookies.map(|value| format!("{}; {visit}", value.to_str().unwrap()));
            let cookies = cookies.unwrap_or_else(|| visit.to_owned());
            let cookies = HeaderValue::from_str(&cookies).unwrap();
            self.request.headers_mut().insert(COOKIE, cookies);
        }
        let page = page.text();
        if !page.contains("name=\"form_token\"") {
            // Of a link that is dead, no form is shown.
            return self.body(FORM, form);
        }
        let token = form_token(&page);
        let joint = if form.is_empty() { "" } else { "&" };
        self.body(FORM, format!("form_token={token}{joint}{form}"))
    }

    pub fn body(self, kind: &str, body: impl Into<Body>) -> Self {
        self.header(CONTENT_TYPE.as_str(), kind).bare_body(body)
    }

    /// A body that nobody says the kind of.
    pub fn bare_body(mut self, body: impl Into<Body>) -> Self {
        *self.request.body_mut() = body.into();
        self
    }

    /// Sends it. Whatever it was, the server did not break over it.
    pub async fn send(self) -> Answer {
        let answer = self.send_to_broken().await;
        assert!(answer.status < 500, "{} {}", answer.status, answer.text());
        answer
    }

    /// Sends it to a server that may well be broken. Every answer of every test is held against
    /// what must be true of all.
    pub async fn send_to_broken(self) -> Answer {
        self.on_its_page().await.send_as_it_is().await
    }

    async fn send_as_it_is(mut self) -> Answer {
        let is_head = self.request.method() == Method::HEAD;
        let peer = SocketAddr::new(self.client.address, 50_000);
        self.request.extensions_mut().insert(ConnectInfo(peer));
        // As every client of HTTP/1.1 names the host; an empty one stands for none at all.
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
        let answer = Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes().to_vec(),
        };
        if !is_head {
            answer.assert_sound();
        }
        answer
    }
}

/// What the forms of a page are known by; empty where it has none.
pub fn form_token(page: &str) -> String {
    let (_, rest) = page
        .split_once("name=\"form_token\" value=\"")
        .unwrap_or_default();
    rest.split('"').next().unwrap_or_default().to_owned()
}
