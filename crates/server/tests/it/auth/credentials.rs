//! The `Authorization` field: valid and invalid credentials.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::{Client, TestApp, TestResponse};

async fn show(client: &Client, field: &str) -> TestResponse {
    client
        .request("GET", "/auth")
        .header("authorization", field)
        .send()
        .await
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// H-02, S-01, J-09: T-TOKEN.
#[tokio::test]
async fn other_encodings_of_a_token_are_rejected() {
    let app = TestApp::new().await;
    let (ben, anonymous) = (app.user("ben").await, app.anonymous());
    let token = ben.token();
    for field in [
        format!("bearer {token}"),
        format!("BEARER {token}"),
        format!("Bearer  {token}"),
    ] {
        show(&anonymous, &field).await.expect(200);
    }
    for length in 0..token.len() {
        show(&anonymous, &format!("Bearer {}", &token[..length]))
            .await
            .expect_problem(401, "invalid-token");
    }
    let parts: Vec<_> = token.split('.').collect();
    let last = token.chars().last().unwrap();
    let sloppy = char::from_u32(u32::from(last) + 1).unwrap();
    for wrong in [
        format!("{token}="),
        format!("{token}A"),
        format!("{token}."),
        format!("{token} {token}"),
        format!("{token},{token}"),
        format!("{}{sloppy}", &token[..token.len() - 1]),
        token.to_uppercase(),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}..{}", parts[0], parts[2]),
        format!(".{}.{}", parts[1], parts[2]),
        "null".to_owned(),
        "0".to_owned(),
        "undefined".to_owned(),
        "[]".to_owned(),
        "x".repeat(10_000),
        parts[1].to_owned(),
    ] {
        show(&anonymous, &format!("Bearer {wrong}"))
            .await
            .expect_problem(401, "invalid-token");
    }
    anonymous
        .request("GET", "/auth")
        .header_bytes("authorization", b"Bearer \xff\xfe")
        .send()
        .await
        .expect_problem(401, "invalid-token");
    for field in ["Basic YmVuOng=", "Token abc", "Digest", ""] {
        show(&anonymous, field)
            .await
            .expect_problem(401, "authentication-required");
    }
    anonymous
        .get(&format!("/auth?access_token={token}"))
        .await
        .expect_problem(401, "authentication-required");
    anonymous
        .get(&format!("/auth?token={token}"))
        .await
        .expect_problem(401, "authentication-required");
}

/// J-01, J-02, J-03, J-04.
#[tokio::test]
async fn a_forged_header_or_claim_is_rejected() {
    let app = TestApp::new().await;
    let (ben, anonymous) = (app.user("ben").await, app.anonymous());
    let parts: Vec<_> = ben.token().split('.').collect();
    let read = |part: &str| {
        serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let (header, claims) = (read(parts[0]), read(parts[1]));
    let mut headers = Vec::new();
    for alg in [
        json!("none"),
        json!("None"),
        json!("nOnE"),
        json!("HS256"),
        json!("ES256K"),
        json!(["EdDSA"]),
        Value::Null,
    ] {
        let mut forged = header.clone();
        forged["alg"] = alg;
        headers.push(forged);
    }
    for (name, value) in [
        ("typ", json!("at+jwt")),
        ("typ", json!("JWT")),
        ("kid", json!("../../dev/null")),
        ("kid", json!("' OR 1=1 --")),
        ("kid", json!("x".repeat(65))),
        ("jku", json!("https://evil.example/jwks")),
        ("jwk", json!({"kty": "OKP"})),
        ("x5u", json!("https://evil.example")),
        ("x5c", json!([])),
        ("crit", json!([])),
        ("zip", json!("DEF")),
    ] {
        let mut forged = header.clone();
        forged[name] = value;
        headers.push(forged);
    }
    for forged in headers {
        for signature in [parts[2], ""] {
            let field = format!("Bearer {}.{}.{signature}", encoded(&forged), parts[1]);
            show(&anonymous, &field)
                .await
                .expect_problem(401, "invalid-token");
        }
    }
    for name in ["iss", "sub", "sid", "generation", "iat", "exp"] {
        for value in [Value::Null, json!(-1), json!("x"), json!([])] {
            let mut forged = claims.clone();
            forged[name] = value;
            let field = format!("Bearer {}.{}.{}", parts[0], encoded(&forged), parts[2]);
            show(&anonymous, &field)
                .await
                .expect_problem(401, "invalid-token");
        }
    }
    ben.get("/auth").await.expect(200);
}

/// H-02, RFC 6750 (2): the server cannot know which one is meant.
#[tokio::test]
async fn two_credentials_in_one_request_are_rejected() {
    let app = TestApp::new().await;
    let (ben, anonymous) = (app.user("ben").await, app.anonymous());
    let bearer = format!("Bearer {}", ben.token());
    let cookie = format!("__Host-doorward={}", ben.token());
    for path in ["/auth", "/", "/user/me"] {
        for (one, other) in [
            (("authorization", &bearer), ("authorization", &bearer)),
            (("authorization", &bearer), ("cookie", &cookie)),
            (("cookie", &cookie), ("cookie", &cookie)),
            (
                ("cookie", &format!("{cookie}; {cookie}")),
                ("x-other", &cookie),
            ),
        ] {
            let draft = anonymous
                .request("GET", path)
                .header(one.0, one.1)
                .header(other.0, other.1);
            draft.send().await.expect_problem(400, "malformed-request");
        }
    }
    anonymous
        .request("GET", "/auth")
        .header("cookie", &format!("a=b; {cookie}; c=d"))
        .send()
        .await
        .expect(200);
    // A route that ignores credentials accepts both.
    anonymous
        .request("GET", "/healthz")
        .header("authorization", &bearer)
        .header("cookie", &cookie)
        .send()
        .await
        .expect(200);
}

/// Of the routes with an optional session, only `/` treats an invalid one as none.
#[tokio::test]
async fn an_invalid_token_is_ignored_only_on_the_welcome_route() {
    let app = TestApp::new().await;
    let stale = app.anonymous().with_token("stale");
    stale.get("/").await.expect(200).assert_greeting();
    let body = json!({"username": "ben", "current_password": "plum cake on sundays", "new_password": "two boats and a lamp"});
    stale
        .put("/password", body)
        .await
        .expect_problem(401, "invalid-token");
}

/// S-09: a cookie set by another host of the same domain signs no user out.
#[tokio::test]
async fn cookies_of_other_hosts_do_not_hide_the_session() {
    let app = TestApp::new().await;
    let (ben, anonymous) = (app.user("ben").await, app.anonymous());
    let session = format!("__Host-doorward={}", ben.token());
    for cookies in [
        format!("{session}; name=Zo\u{eb}"),
        format!("name=\u{1f980}; {session}"),
    ] {
        let draft = anonymous.request("GET", "/auth").header("cookie", &cookies);
        draft.send().await.expect(200);
    }
}
