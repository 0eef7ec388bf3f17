//! Rate limits as clients see them, and that the owner signs in during an attack.

use std::net::IpAddr;

use doorward_domain::limits::ThrottleScope;
use doorward_domain::values::Role;
use doorward_web::ForwardedBy;
use doorward_web::routes::table;
use serde_json::{Value, json};

use crate::access_table::ask;
use crate::support::{Client, OTHER_PASSWORD, PASSWORD, TestApp, TestResponse};

const DEVICE: &str = "__Host-doorward-device";

fn at(app: &TestApp, address: &str) -> Client {
    app.at(address.parse::<IpAddr>().unwrap())
}

fn ben(password: &str) -> Value {
    json!({"username": "ben", "password": password})
}

/// Signs in with that device cookie.
async fn sign_in_knowing(client: &Client, device: &str, body: &Value) -> TestResponse {
    let draft = client.request("POST", "/auth");
    let draft = draft.header("cookie", &format!("{DEVICE}={device}"));
    draft.json(body).send().await
}

/// after wrong passwords of others, the owner signs in with the cookie of a known device at any address, and in
/// a session; other clients do not.
#[tokio::test]
async fn the_owner_signs_in_from_a_known_device() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let first = app
        .anonymous()
        .post("/auth", ben(PASSWORD))
        .await
        .expect(201);
    let device = first.cookie(DEVICE).unwrap().to_owned();
    let set = first.cookies().into_iter().find(|one| one.contains(DEVICE));
    assert!(
        set.unwrap()
            .ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=15552000"),
        "{set:?}"
    );
    let attack = async || {
        for _ in 0..4 {
            app.anonymous().post("/auth", ben(OTHER_PASSWORD)).await;
        }
        let refused = app.anonymous().post("/auth", ben(PASSWORD)).await;
        let refused = refused.expect_problem(429, "too-many-attempts");
        assert!(refused.cookies().is_empty());
    };
    attack().await;
    let elsewhere = at(&app, "198.51.100.7");
    let wrong = sign_in_knowing(&elsewhere, &device, &ben(OTHER_PASSWORD)).await;
    wrong.expect_problem(401, "invalid-credentials");
    let again = sign_in_knowing(&elsewhere, &device, &ben(PASSWORD)).await;
    let again = again.expect(201);
    assert_ne!(again.cookie(DEVICE), Some(device.as_str()));
    attack().await;
    let session = again.json()["token"].as_str().unwrap().to_owned();
    let in_session = elsewhere
        .with_token(&session)
        .post("/auth", ben(PASSWORD))
        .await;
    in_session.expect(201);
    app.allow_unread_mail();
}

/// A-08, S-05: a sign-out ends the session; the device stays known.
#[tokio::test]
async fn a_sign_out_keeps_the_device_cookie() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let anonymous = app.anonymous();
    let signed_in = anonymous.sign_in_on_page("ben").await;
    let token = signed_in.cookie("__Host-doorward").unwrap();
    let device = signed_in.cookie(DEVICE).unwrap();
    let out = anonymous
        .request("POST", "/auth/sign-out")
        .header(
            "cookie",
            &format!("__Host-doorward={token}; {DEVICE}={device}"),
        )
        .on_our_page()
        .send()
        .await
        .expect(303);
    let cleared = out.header("clear-site-data");
    assert_eq!(cleared, Some("\"cache\", \"storage\""));
    assert_eq!(out.cookie("__Host-doorward"), Some(""));
    assert_eq!(out.cookie(DEVICE), None);
    app.allow_unread_mail();
}

/// two users share a browser; it is a known device of both.
#[tokio::test]
async fn a_browser_is_a_known_device_of_several_accounts() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    app.create("ann", Role::User).await;
    let browser = app.anonymous();
    let first = browser.post("/auth", ben(PASSWORD)).await.expect(201);
    let device = first.cookie(DEVICE).unwrap();
    let ann = json!({"username": "ann", "password": PASSWORD});
    let second = sign_in_knowing(&browser, device, &ann).await.expect(201);
    let device = second.cookie(DEVICE).unwrap();
    for name in ["ben", "ann"] {
        for _ in 0..4 {
            let body = json!({"username": name, "password": OTHER_PASSWORD});
            app.anonymous().post("/auth", body).await;
        }
        let body = json!({"username": name, "password": PASSWORD});
        app.anonymous()
            .post("/auth", body.clone())
            .await
            .expect_problem(429, "too-many-attempts");
        sign_in_knowing(&browser, device, &body).await.expect(201);
    }
    app.allow_unread_mail();
}

/// `RateLimit` headers contain the client's remaining requests, and the limit that denied a request.
#[tokio::test]
async fn a_denial_names_its_limit() {
    let app = TestApp::new().await;
    let client = at(&app, "198.51.100.1");
    for left in (0..10).rev() {
        let answer = client.get("/recovery/none").await.expect(404);
        assert_eq!(
            answer.header("ratelimit-policy"),
            Some("\"link\";q=10;w=60")
        );
        let state = format!("\"link\";r={left};t=6");
        assert_eq!(answer.header("ratelimit"), Some(state.as_str()));
    }
    let refused = client.get("/recovery/none").await;
    let refused = refused.expect_problem(429, "too-many-attempts");
    assert_eq!(refused.header("retry-after"), Some("6"));
    assert_eq!(refused.header("ratelimit"), Some("\"link\";r=0;t=6"));
    at(&app, "198.51.100.2")
        .get("/recovery/none")
        .await
        .expect(404);
    app.create("ben", Role::User).await;
    let client = app.anonymous();
    for left in [29, 28, 27] {
        let answer = client.post("/auth", ben(OTHER_PASSWORD)).await.expect(401);
        let state = format!("\"sign-in\";r={left};t=2");
        assert_eq!(answer.header("ratelimit"), Some(state.as_str()));
    }
    let refused = client.post("/auth", ben(PASSWORD)).await;
    let refused = refused.expect_problem(429, "too-many-attempts");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("ratelimit"), Some("\"guess\";r=0;t=1"));
    app.allow_unread_mail();
}

/// Number of requests.
const REQUESTS: usize = 12;

/// Number of allowed requests of twelve with these fields; ten if they count as one client.
async fn allowed(
    app: &TestApp,
    peer: &str,
    fields: impl Fn(usize) -> Vec<(&'static str, String)>,
) -> usize {
    let mut count = 0;
    for number in 0..REQUESTS {
        let client = at(app, peer);
        let mut draft = client.request("GET", "/recovery/none");
        for (name, value) in fields(number) {
            draft = draft.header(name, &value);
        }
        count += usize::from(draft.send().await.status != 429);
    }
    app.advance_seconds(3600);
    count
}

/// T-IP, A-09: forwarding fields × trusted and untrusted peers. No client gets more than its limit, and clients
/// without a known address share none.
#[tokio::test]
async fn forwarding_headers_are_used_from_trusted_proxies_only() {
    for header in [ForwardedBy::XForwardedFor, ForwardedBy::Forwarded] {
        let app = TestApp::with(|options| {
            let proxies = "10.0.0.0/8, fd00::/8".parse::<doorward_web::TrustedProxies>();
            options.trusted_proxies = proxies.unwrap().with_header(header);
        })
        .await;
        let (believed, other): (&str, &str) = match header {
            ForwardedBy::XForwardedFor => ("x-forwarded-for", "forwarded"),
            ForwardedBy::Forwarded => ("forwarded", "x-forwarded-for"),
        };
        let spelled = |name: &str, text: &str| match name {
            "forwarded" => format!("for=\"{text}\""),
            _ => text.to_owned(),
        };
        let spoofed = |number| format!("192.0.{number}.7");
        // From other peers they are ignored.
        for peer in ["203.0.113.5", "2001:db8::5"] {
            let fields = |number: usize| {
                ["x-forwarded-for", "forwarded", "x-real-ip"]
                    .map(|name| (name, spelled(name, &spoofed(number))))
                    .to_vec()
            };
            assert_eq!(allowed(&app, peer, fields).await, 10, "{peer}");
        }
        for proxy in ["10.0.0.1", "::ffff:10.0.0.1", "fd00::1"] {
            // One client, regardless of what it sent to the proxy, in every spelling that a proxy adds.
            for spelling in [
                "198.51.100.9",
                "198.51.100.9:4711",
                "[2001:db8::9]",
                "[2001:db8::9]:4711",
            ] {
                let joined = |number: usize| {
                    let (client, proxy) = (
                        spelled(believed, &spoofed(number)),
                        spelled(believed, spelling),
                    );
                    vec![(believed, format!("{client}, {proxy}"))]
                };
                let twice = |number: usize| {
                    vec![
                        (believed, spelled(believed, &spoofed(number))),
                        (believed, spelled(believed, spelling)),
                        (other, spelled(other, &spoofed(number))),
                        ("x-real-ip", spoofed(number)),
                    ]
                };
                let one = |_: usize| vec![(believed, spelled(believed, spelling))];
                assert_eq!(allowed(&app, proxy, joined).await, 10, "{spelling}");
                assert_eq!(allowed(&app, proxy, twice).await, 10, "{spelling}");
                assert_eq!(allowed(&app, proxy, one).await, 10, "{spelling}");
            }
            // Each client has a limit of its own.
            let many = |number: usize| vec![(believed, spelled(believed, &spoofed(number)))];
            assert_eq!(allowed(&app, proxy, many).await, REQUESTS);
            // Without a client address, or with one in the other field only, no limit is shared.
            let none = |_: usize| vec![];
            let elsewhere = |_: usize| vec![(other, spelled(other, "192.0.2.7"))];
            let hidden = |_: usize| vec![(believed, spelled(believed, "unknown"))];
            assert_eq!(allowed(&app, proxy, none).await, REQUESTS);
            assert_eq!(allowed(&app, proxy, elsewhere).await, REQUESTS);
            assert_eq!(allowed(&app, proxy, hidden).await, REQUESTS);
        }
    }
}

/// the guard counts each request in the scope of its row, and the service each password. The numbers have
/// their tests in the domain.
#[tokio::test]
async fn each_limited_route_names_its_limit() {
    let app = TestApp::new().await;
    for (number, route) in table().filter(|route| !route.is_page).enumerate() {
        let policy = match route.scope {
            None | Some(ThrottleScope::SignIn) => continue,
            Some(ThrottleScope::SignUp) => "\"sign-up\";q=20;w=3600",
            Some(ThrottleScope::MailRequest) => "\"mail-request\";q=20;w=3600",
            Some(ThrottleScope::Link) => "\"link\";q=10;w=60",
            Some(ThrottleScope::Token) => "\"token\";q=120;w=60",
            Some(ThrottleScope::Profile) => "\"profile\";q=600;w=60",
        };
        let user = app.user(&format!("user-{number}")).await;
        let answer = ask(&user, route, "me").await;
        let named = answer.header("ratelimit-policy");
        assert_eq!(named, Some(policy), "{route:?}");
    }
    let wrong =
        json!({"username": "ben", "current_password": PASSWORD, "new_password": OTHER_PASSWORD});
    for (method, path, body) in [
        ("POST", "/auth", ben(PASSWORD)),
        ("PUT", "/password", wrong),
    ] {
        let answer = app
            .anonymous()
            .request(method, path)
            .json(&body)
            .send()
            .await;
        let named = answer.header("ratelimit-policy");
        assert_eq!(named, Some("\"sign-in\";q=30;w=60"), "{path}");
    }
    app.allow_unread_mail();
}

#[tokio::test]
async fn a_route_without_a_limit_has_no_rate_limit_headers() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let answer = ben.get("/user/me").await.expect(200);
    assert_eq!(answer.header("ratelimit"), None);
    assert_eq!(answer.header("ratelimit-policy"), None);
}
