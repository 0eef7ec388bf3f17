//! How often is too often, as clients see it; and that whoever was here before is let in all the same.

use std::net::IpAddr;

use doorward_domain::model::Role;
use doorward_web::ForwardedBy;
use serde_json::{Value, json};

use crate::support::{Answer, Client, OTHER_PASSWORD, PASSWORD, TestApp};

const DEVICE: &str = "__Host-doorward-device";

fn at(app: &TestApp, address: &str) -> Client {
    app.at(address.parse::<IpAddr>().unwrap())
}

fn ben(password: &str) -> Value {
    json!({"username": "ben", "password": password})
}

/// From a browser that keeps that cookie.
async fn sign_in_knowing(client: &Client, device: &str, body: &Value) -> Answer {
    let draft = client.request("POST", "/auth");
    let draft = draft.header("cookie", &format!("{DEVICE}={device}"));
    draft.json(body).send().await
}

/// A-08, T-FLOOD: a thousand wrong passwords from fifty addresses; the owner gets in from a browser that
/// has signed in before, whatever address it has now, and nobody else does.
#[tokio::test]
async fn the_owner_gets_in_during_an_attack() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let first = app.anon().post("/auth", ben(PASSWORD)).await.expect(201);
    let device = first.cookie(DEVICE).unwrap().to_owned();
    let set = first.cookies().into_iter().find(|one| one.contains(DEVICE));
    assert!(
        set.unwrap()
            .ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=15552000"),
        "{set:?}"
    );
    for number in 0..1000 {
        let bot = at(&app, &format!("203.0.{}.9", number % 50));
        let answer = bot.post("/auth", ben(OTHER_PASSWORD)).await;
        assert!(
            matches!(answer.status, 401 | 429),
            "{number}: {}",
            answer.text()
        );
        app.advance_seconds(11);
    }
    let elsewhere = at(&app, "198.51.100.7");
    let refused = elsewhere.post("/auth", ben(PASSWORD)).await;
    let refused = refused.expect_problem(429, "too-many-attempts");
    assert!(refused.cookies().is_empty());
    let wrong = sign_in_knowing(&elsewhere, &device, &ben(OTHER_PASSWORD)).await;
    wrong.expect_problem(401, "invalid-credentials");
    let again = sign_in_knowing(&elsewhere, &device, &ben(PASSWORD)).await;
    let again = again.expect(201);
    assert_ne!(again.cookie(DEVICE), Some(device.as_str()));
    app.leaves_mail();
}

/// A-08, S-05: a sign-out ends the session and keeps the cookie of the known device.
#[tokio::test]
async fn a_sign_out_leaves_the_browser_known() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let anon = app.anon();
    let signed_in = anon.sign_in_on_page("ben").await;
    let token = signed_in.cookie("__Host-doorward").unwrap().to_owned();
    let device = signed_in.cookie(DEVICE).unwrap().to_owned();
    for kept in [device.as_str(), "forged"] {
        let session = match kept {
            "forged" => app.sign_in("ben").await.token().to_owned(),
            _ => token.clone(),
        };
        let out = anon
            .request("POST", "/auth/sign-out")
            .header(
                "cookie",
                &format!("__Host-doorward={session}; {DEVICE}={kept}"),
            )
            .on_our_page()
            .send()
            .await
            .expect(303);
        let cleared = out.header("clear-site-data");
        assert_eq!(cleared, Some("\"cache\", \"storage\""));
        assert_eq!(out.cookie("__Host-doorward"), Some(""));
        assert_eq!(out.cookie(DEVICE), None);
        app.anon()
            .with_token(&session)
            .get("/auth")
            .await
            .expect_problem(401, "invalid-token");
    }
    app.leaves_mail();
}

/// two people share a browser; each is known there.
#[tokio::test]
async fn a_browser_is_known_to_everybody_who_has_signed_in_there() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    app.create("ann", Role::User).await;
    let browser = app.anon();
    let first = browser.post("/auth", ben(PASSWORD)).await.expect(201);
    let device = first.cookie(DEVICE).unwrap();
    let ann = json!({"username": "ann", "password": PASSWORD});
    let second = sign_in_knowing(&browser, device, &ann).await.expect(201);
    let device = second.cookie(DEVICE).unwrap();
    for name in ["ben", "ann"] {
        for _ in 0..4 {
            let body = json!({"username": name, "password": OTHER_PASSWORD});
            app.anon().post("/auth", body).await;
        }
        let body = json!({"username": name, "password": PASSWORD});
        app.anon()
            .post("/auth", body.clone())
            .await
            .expect_problem(429, "too-many-attempts");
        sign_in_knowing(&browser, device, &body).await.expect(201);
    }
    app.leaves_mail();
}

/// what is refused says by which budget, and the client's own is told beside it.
#[tokio::test]
async fn a_refusal_names_its_budget() {
    let app = TestApp::new().await;
    for host in 1..=40 {
        let client = at(&app, &format!("198.51.100.{host}"));
        let answer = client.get("/recovery/none").await;
        assert_eq!(
            answer.header("ratelimit-policy"),
            Some("\"link\";q=10;w=60")
        );
        assert_eq!(answer.header("ratelimit"), Some("\"link\";r=9;t=6"));
    }
    let refused = at(&app, "198.51.100.200").get("/recovery/none").await;
    let refused = refused.expect_problem(429, "too-many-attempts");
    assert_eq!(
        refused.header("ratelimit-policy"),
        Some("\"link-network\";q=40;w=60")
    );
    let told = refused.header("ratelimit").unwrap();
    assert!(told.starts_with("\"link-network\";r=0;t="), "{told}");
    at(&app, "198.51.101.1")
        .get("/recovery/none")
        .await
        .expect(404);
    app.create("ben", Role::User).await;
    let client = app.anon();
    for _ in 0..3 {
        client.post("/auth", ben(OTHER_PASSWORD)).await.expect(401);
    }
    let refused = client.post("/auth", ben(PASSWORD)).await;
    let refused = refused.expect_problem(429, "too-many-attempts");
    assert_eq!(
        refused.header("ratelimit-policy"),
        Some("\"sign-in\";q=30;w=60, \"guess\";q=1;w=1")
    );
    let told = refused.header("ratelimit").unwrap();
    assert!(told.ends_with(", \"guess\";r=0;t=1"), "{told}");
    app.leaves_mail();
}

/// L-01: a refusal is written down once, with its address.
#[tokio::test]
async fn a_refusal_is_in_the_audit_log_once() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let client = at(&app, "198.51.100.1");
    for _ in 0..30 {
        client.get("/recovery/none").await;
    }
    let log = admin.get("/audit?event=throttled").await.expect(200).json();
    let lines = log["items"].as_array().unwrap();
    assert_eq!(lines.len(), 1, "{log}");
    assert_eq!(lines[0]["detail"], "link");
    assert_eq!(lines[0]["address"], "198.51.100.1");
    assert_eq!(lines[0]["outcome"], "failure");
    app.leaves_mail();
}

/// How many of forty links tried with these fields are looked at; ten where they are one client.
async fn let_in(
    app: &TestApp,
    peer: &str,
    fields: impl Fn(usize) -> Vec<(&'static str, String)>,
) -> usize {
    let mut let_in = 0;
    for number in 0..40 {
        let client = at(app, peer);
        let mut draft = client.request("GET", "/recovery/none");
        for (name, value) in fields(number) {
            draft = draft.header(name, &value);
        }
        let_in += usize::from(draft.send().await.status != 429);
    }
    app.advance_seconds(3600);
    let_in
}

/// T-IP, A-09: by forwarding fields × trusted and untrusted peers. Nobody's budget grows, and those whom
/// nobody names share none.
#[tokio::test]
async fn forwarding_fields_are_believed_of_proxies_alone() {
    for header in [ForwardedBy::XForwardedFor, ForwardedBy::Forwarded] {
        let app = TestApp::with(|options| {
            let proxies = "10.0.0.0/8, fd00::/8".parse::<doorward_web::TrustedProxies>();
            options.trusted_proxies = proxies.unwrap().naming_clients_in(header);
        })
        .await;
        let (believed, other): (&str, &str) = match header {
            ForwardedBy::XForwardedFor => ("x-forwarded-for", "forwarded"),
            ForwardedBy::Forwarded => ("forwarded", "x-forwarded-for"),
        };
        let said = |name: &str, text: &str| match name {
            "forwarded" => format!("for=\"{text}\""),
            _ => text.to_owned(),
        };
        let spoofed = |number| format!("192.0.{number}.7");
        // Anybody may send any of them.
        for peer in ["203.0.113.5", "2001:db8::5"] {
            let fields = |number: usize| {
                ["x-forwarded-for", "forwarded", "x-real-ip"]
                    .map(|name| (name, said(name, &spoofed(number))))
                    .to_vec()
            };
            assert_eq!(let_in(&app, peer, fields).await, 10, "{peer}");
        }
        for proxy in ["10.0.0.1", "::ffff:10.0.0.1", "fd00::1"] {
            // One client, whatever it wrote before the proxy, in whichever spelling the proxy adds it.
            for spelling in [
                "198.51.100.9",
                "198.51.100.9:4711",
                "[2001:db8::9]",
                "[2001:db8::9]:4711",
            ] {
                let joined = |number: usize| {
                    let (client, proxy) =
                        (said(believed, &spoofed(number)), said(believed, spelling));
                    vec![(believed, format!("{client}, {proxy}"))]
                };
                let twice = |number: usize| {
                    vec![
                        (believed, said(believed, &spoofed(number))),
                        (believed, said(believed, spelling)),
                        (other, said(other, &spoofed(number))),
                        ("x-real-ip", spoofed(number)),
                    ]
                };
                let one = |_: usize| vec![(believed, said(believed, spelling))];
                assert_eq!(let_in(&app, proxy, joined).await, 10, "{spelling}");
                assert_eq!(let_in(&app, proxy, twice).await, 10, "{spelling}");
                assert_eq!(let_in(&app, proxy, one).await, 10, "{spelling}");
            }
            // Forty clients have forty budgets.
            let many = |number: usize| vec![(believed, said(believed, &spoofed(number)))];
            assert_eq!(let_in(&app, proxy, many).await, 40);
            // Those whom nobody names, or only in the other field, share no bucket.
            let none = |_: usize| vec![];
            let elsewhere = |_: usize| vec![(other, said(other, "192.0.2.7"))];
            let hidden = |_: usize| vec![(believed, said(believed, "unknown"))];
            assert_eq!(let_in(&app, proxy, none).await, 40);
            assert_eq!(let_in(&app, proxy, elsewhere).await, 40);
            assert_eq!(let_in(&app, proxy, hidden).await, 40);
        }
    }
}

/// nothing is counted where there is no limit.
#[tokio::test]
async fn a_route_without_a_limit_tells_of_none() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let answer = ben.get("/user/me").await.expect(200);
    assert_eq!(answer.header("ratelimit"), None);
    assert_eq!(answer.header("ratelimit-policy"), None);
}
