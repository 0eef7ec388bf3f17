//! Second factors by the API: enrolment, sign-in in two steps, removal, recovery codes, and the enrolment that the policy
//! requires. The rules have their tests in `crates/domain`.

use doorward_domain::FactorsRequired;
use doorward_domain::values::Role;
use serde_json::{Value, json};
use totp_rs::Totp;

use crate::support::{Client, OTHER_PASSWORD, PASSWORD, TestApp};

/// A code of the authenticator app that the response of an enrolment describes, for now. The next one needs another time.
pub fn code(app: &TestApp, enrolment: &Value) -> String {
    let app_of_user = Totp::from_url(enrolment["uri"].as_str().unwrap()).unwrap();
    let seconds = app.ctx(doorward_domain::Actor::Worker).now.as_second();
    app_of_user
        .generate(u64::try_from(seconds).unwrap())
        .to_string()
}

/// Adds an authenticator app, with the default name if `name` is empty. Returns its enrolment, and the recovery codes if it is the
/// first factor.
pub async fn enrol(app: &TestApp, client: &Client, name: &str) -> (Value, Vec<String>) {
    app.allow_unread_mail();
    let name = Some(name).filter(|name| !name.is_empty());
    let body = json!({"kind": "totp", "name": name});
    let begun = client.post("/user/me/factor", body).await.expect(201);
    assert_eq!(begun.header("pragma"), Some("no-cache"));
    let enrolment = begun.json();
    let path = format!("/user/me/factor/{}", enrolment["id"].as_str().unwrap());
    let body = json!({"code": code(app, &enrolment)});
    let done = client.post(&path, body).await.expect(200).json();
    app.advance_seconds(30);
    let codes = done["recovery_codes"].as_array().into_iter().flatten();
    let codes = codes.map(|code| code.as_str().unwrap().to_owned());
    (enrolment, codes.collect())
}

/// The first step of a sign-in. Returns the challenge.
pub async fn challenge(client: &Client, name: &str) -> String {
    let body = json!({"username": name, "password": PASSWORD});
    let next = client.post("/auth", body).await.expect(200);
    assert_eq!(next.header("pragma"), Some("no-cache"));
    assert!(next.cookies().is_empty(), "{:?}", next.cookies());
    next.json()["challenge"].as_str().unwrap().to_owned()
}

async fn answer(client: &Client, challenge: &str, kind: &str, code: &str) -> (u16, String) {
    let body = json!({"challenge": challenge, "kind": kind, "code": code});
    let answer = client.post("/auth/factor", body).await;
    (answer.status, answer.code())
}

#[tokio::test]
async fn an_authenticator_is_added_with_its_first_code_and_listed_without_its_secret() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let items = async || ben.get("/user/me/factor").await.expect(200).json()["items"].clone();
    assert_eq!(items().await, json!([]));
    let body = json!({"kind": "totp", "name": " Phone "});
    let enrolment = ben.post("/user/me/factor", body).await.expect(201).json();
    assert_eq!(enrolment["status"], "pending");
    let uri = enrolment["uri"].as_str().unwrap();
    let secret = enrolment["secret"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/") && uri.contains(secret));
    let qr = enrolment["qr_svg"].as_str().unwrap();
    assert!(qr.starts_with("<svg ") && qr.ends_with("</svg>") && !qr.contains("style"));
    let listed = items().await;
    assert_eq!(listed[0]["status"], "pending");
    assert!(!listed.to_string().contains(secret));
    // It is no factor yet.
    app.sign_in("ben").await;

    let path = format!("/user/ben/factor/{}", enrolment["id"].as_str().unwrap());
    ben.post(&path, json!({"code": "000000"}))
        .await
        .expect_problem(401, "invalid-code");
    ben.post(&path, json!({"code": "?"}))
        .await
        .assert_field_errors(&[("code", "invalid")]);
    app.allow_unread_mail();
    let body = json!({"code": code(&app, &enrolment)});
    let done = ben.post(&path, body).await.expect(200).json();
    assert_eq!(done["name"], "Phone");
    assert_eq!(done["recovery_codes"].as_array().unwrap().len(), 10);
    assert!(done.get("session").is_none());
    let listed = items().await;
    assert_eq!(listed[0]["id"], enrolment["id"]);
    assert_eq!(listed[0]["status"], "active");
    assert_eq!(listed[1], json!({"kind": "recovery-code", "remaining": 10}));

    // The second one comes without codes, after a proof of the first.
    let body = json!({"kind": "totp", "name": "Tablet"});
    ben.post("/user/me/factor", body.clone())
        .await
        .expect_problem(401, "reauthentication-required");
    let mut proved = body;
    app.advance_seconds(30);
    proved["password"] = PASSWORD.into();
    proved["code"] = code(&app, &enrolment).into();
    let second = ben.post("/user/me/factor", proved).await.expect(201).json();
    let path = format!("/user/me/factor/{}", second["id"].as_str().unwrap());
    let body = json!({"code": code(&app, &second)});
    let done = ben.post(&path, body).await.expect(200).json();
    assert!(done.get("recovery_codes").is_none());
    assert_eq!(items().await.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_sign_in_with_a_factor_has_two_steps_and_no_session_before_the_second() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let (enrolment, codes) = enrol(&app, &ben, "Phone").await;
    let client = app.anonymous();
    let body = json!({"username": "ben", "password": PASSWORD});
    let next = client.post("/auth", body).await.expect(200).json();
    assert_eq!(next["next"], "factor");
    assert_eq!(
        next["factors"],
        json!([{"kind": "totp"}, {"kind": "recovery-code"}])
    );
    assert_eq!(next["expires_in"], 300);
    let secret = next["challenge"].as_str().unwrap();
    for path in ["/auth", "/user/me", "/user/me/factor"] {
        let answer = client.with_token(secret).get(path).await;
        answer.expect_problem(401, "invalid-token");
    }

    let wrong = answer(&client, secret, "totp", "000000").await;
    assert_eq!(wrong, (401, "invalid-code".to_owned()));
    app.advance_seconds(5);
    let body = json!({"challenge": secret, "kind": "totp", "code": code(&app, &enrolment)});
    let signed_in = client.post("/auth/factor", body).await.expect(201);
    assert!(signed_in.cookie("__Host-doorward-device").is_some());
    let token = signed_in.json()["token"].as_str().unwrap().to_owned();
    let session = client.with_token(&token).get("/auth").await.expect(200);
    assert_eq!(
        session.json()["session"]["amr"],
        json!(["pwd", "otp", "mfa"])
    );
    let again = answer(&client, secret, "recovery-code", &codes[0]).await;
    assert_eq!(again, (410, "challenge-expired".to_owned()));

    let recovery = challenge(&client, "ben").await;
    let done = answer(&client, &recovery, "recovery-code", &codes[0]).await;
    assert_eq!(done.0, 201);
    for no_token in ["", "x", &"A".repeat(43)] {
        let gone = answer(&client, no_token, "totp", "123456").await;
        assert_eq!(gone, (410, "challenge-expired".to_owned()), "{no_token:?}");
    }
    client
        .post("/auth/factor", json!({"kind": "sms"}))
        .await
        .assert_field_errors(&[
            ("challenge", "missing"),
            ("code", "missing"),
            ("kind", "invalid"),
        ]);
}

/// A lockout by wrong codes does not end with a new password, and the response says what to do.
#[tokio::test]
async fn a_lockout_by_wrong_codes_names_the_recovery_code() {
    let app = TestApp::with(|options| options.policy.limits.lockout_after = 4).await;
    let ben = app.user("ben").await;
    let (_, codes) = enrol(&app, &ben, "Phone").await;
    let client = app.anonymous();
    let secret = challenge(&client, "ben").await;
    for status in [401, 401, 401, 401, 429] {
        let body = json!({"challenge": secret, "kind": "totp", "code": "000000"});
        let refused = client.post("/auth/factor", body).await.expect(status);
        app.advance_seconds(20);
        if status == 429 {
            assert_eq!(refused.header("retry-after"), Some("3600"));
            let detail = refused.json()["detail"].as_str().unwrap().to_owned();
            let is_useful = detail.contains("recovery code") && !detail.contains("password");
            assert!(is_useful, "{detail}");
        }
    }
    let secret = challenge(&client, "ben").await;
    let done = answer(&client, &secret, "recovery-code", &codes[0]).await;
    assert_eq!(done.0, 201);
}

#[tokio::test]
async fn a_factor_is_removed_by_its_user_or_an_admin_and_codes_are_renewed() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let (enrolment, codes) = enrol(&app, &ben, "Phone").await;
    let path = format!("/user/me/factor/{}", enrolment["id"].as_str().unwrap());
    ben.delete(&path)
        .await
        .expect_problem(401, "reauthentication-required");
    let delete = async |body: Value| ben.request("DELETE", &path).json(&body).send().await;
    delete(json!({"password": PASSWORD}))
        .await
        .expect_problem(401, "reauthentication-required");
    let wrong = json!({"password": OTHER_PASSWORD, "code": codes[0]});
    delete(wrong)
        .await
        .expect_problem(401, "invalid-credentials");
    app.advance_seconds(60);

    let proof = json!({"password": PASSWORD, "code": code(&app, &enrolment)});
    let renewed = ben.post("/user/me/recovery-codes", proof).await.expect(200);
    let renewed = renewed.json()["recovery_codes"].clone();
    assert_eq!(renewed.as_array().unwrap().len(), 10);
    let void = json!({"password": PASSWORD, "code": codes[1]});
    delete(void).await.expect_problem(401, "invalid-code");
    delete(json!({"password": PASSWORD, "code": renewed[0]}))
        .await
        .expect(204);
    let items = ben.get("/user/me/factor").await.expect(200).json();
    assert_eq!(items, json!({"items": []}));
    app.sign_in("ben").await;

    let (enrolment, _) = enrol(&app, &app.sign_in("ben").await, "Phone").await;
    let admin = app.admin().await;
    let id = enrolment["id"].as_str().unwrap();
    admin
        .delete(&format!("/user/root/factor/{id}"))
        .await
        .expect_problem(404, "not-found");
    admin
        .delete(&format!("/user/ben/factor/{id}"))
        .await
        .expect(204);
    app.sign_in("ben").await;
}

/// The policy requires a factor: the challenge is accepted by the factor routes only, and the first code completes the
/// sign-in.
#[tokio::test]
async fn a_required_factor_is_added_with_the_challenge_of_the_sign_in() {
    let app =
        TestApp::with(|options| options.policy.factors_required = FactorsRequired::Everyone).await;
    app.create("ben", Role::User).await;
    let client = app.anonymous();
    let body = json!({"username": "ben", "password": PASSWORD});
    let next = client.post("/auth", body).await.expect(200).json();
    assert_eq!(next["next"], "enrol");
    assert!(next.get("factors").is_none());
    let secret = next["challenge"].as_str().unwrap();
    let enrolling = client.with_token(secret);
    for (method, path) in [
        ("GET", "/auth"),
        ("GET", "/user/me"),
        ("DELETE", "/user/me"),
        ("GET", "/user/me/export"),
        ("GET", "/user/me/session"),
        ("POST", "/auth/renewal"),
        ("POST", "/user/me/recovery-codes"),
        (
            "DELETE",
            "/user/me/factor/019363a0-0000-7000-8000-000000000000",
        ),
    ] {
        let answer = enrolling.request(method, path).send().await;
        answer.expect_problem(401, "invalid-token");
    }
    let answer = enrolling.get("/user/root/factor").await;
    answer.expect_problem(403, "forbidden");
    // Two challenges at once: the second one adds nothing once there is a factor.
    let late = challenge(&client, "ben").await;
    let items = enrolling.get("/user/me/factor").await.expect(200).json();
    assert_eq!(items, json!({"items": []}));
    app.allow_unread_mail();
    let body = json!({"kind": "totp"});
    let begin = async |client: &Client| {
        let begun = client.post("/user/me/factor", body.clone()).await;
        let enrolment = begun.expect(201).json();
        let path = format!("/user/me/factor/{}", enrolment["id"].as_str().unwrap());
        (enrolment, path)
    };
    let (enrolment, path) = begin(&enrolling).await;
    let first = json!({"code": code(&app, &enrolment)});
    let done = enrolling.post(&path, first).await.expect(200);
    assert!(done.cookie("__Host-doorward-device").is_some());
    let done = done.json();
    assert_eq!(done["recovery_codes"].as_array().unwrap().len(), 10);
    let token = done["session"]["token"].as_str().unwrap();
    let session = client.with_token(token).get("/auth").await.expect(200);
    assert_eq!(
        session.json()["session"]["amr"],
        json!(["pwd", "otp", "mfa"])
    );
    // The challenge is used.
    let answer = enrolling.get("/user/me/factor").await;
    answer.expect_problem(401, "invalid-token");
    app.advance_seconds(30);
    let late = client.with_token(&late);
    let answer = late.post("/user/me/factor", body).await;
    answer.expect_problem(401, "invalid-token");
}
