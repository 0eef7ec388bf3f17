//! Every route of the table, as a client that has all of a user but the second factor: the password, the mailbox, a challenge,
//! and a session from before. No route opens a session or strengthens one. Routes are not named here, so new ones are
//! included.

use doorward_domain::Actor;
use doorward_domain::factors::FactorList;
use doorward_domain::model::{InvitationStatus, Status, User};
use doorward_domain::values::Role;
use doorward_web::Code;
use doorward_web::routes::{Route, table};
use serde_json::{Value, json};

use crate::access_table::{body_of, filled};
use crate::factors::{challenge, code, enrol};
use crate::support::{
    Client, OTHER_PASSWORD, PASSWORD, RequestBuilder, TestApp, TestResponse, path_in,
};

/// Who sends a request.
#[derive(Clone, Copy)]
enum Sender<'a> {
    /// A program without a session, with the password and this challenge.
    Program(&'a str),
    /// A browser without a session, with the password. The challenge is in a cookie.
    Browser,
    /// A client with a session, which sends this proof.
    SignedIn(Proof<'a>),
}

#[derive(Clone, Copy)]
enum Proof<'a> {
    None,
    Password,
    PasswordAndCode(&'a str),
}

/// The fields that the sender knows for a route; `None` if the route takes no body.
fn fields_of(route: &Route, sender: Sender) -> Option<Value> {
    let with_code = |mut fields: Value| {
        if let Sender::SignedIn(Proof::PasswordAndCode(code)) = sender {
            fields["code"] = code.into();
        }
        fields
    };
    let with_proof = |mut fields: Value| {
        if !matches!(sender, Sender::SignedIn(Proof::None)) {
            fields["password"] = PASSWORD.into();
        }
        with_code(fields)
    };
    Some(match (route.method.as_str(), route.path) {
        ("POST", "/auth" | "/sign-in") => json!({"username": "ben", "password": PASSWORD}),
        // With a username, a browser would be signed in: to the new account.
        ("POST", "/user" | "/sign-up") => json!({"email": "ben@example.com", "password": PASSWORD}),
        ("POST", "/auth/factor") => match sender {
            Sender::Program(challenge) => {
                json!({"challenge": challenge, "kind": "totp", "code": "000000"})
            }
            _ => json!({"challenge": "A".repeat(43), "kind": "totp", "code": "000000"}),
        },
        ("POST", "/sign-in/enrol") => json!({}),
        (
            "POST",
            "/sign-in/factor"
            | "/sign-in/enrol/{id}"
            | "/account/factors/{id}"
            | "/user/{user}/factor/{id}",
        ) => json!({"code": "000000"}),
        ("POST", "/user/{user}/factor") => with_proof(json!({"kind": "totp", "name": "Thief"})),
        ("POST", "/account/factors") => with_proof(json!({"name": "Thief"})),
        ("DELETE", "/user/{user}/deletion") => match sender {
            Sender::SignedIn(_) => with_proof(json!({})),
            _ => json!({"username": "ben", "password": PASSWORD}),
        },
        ("POST", "/sign-in/keep-account") => json!({"username": "ben", "password": PASSWORD}),
        ("DELETE", "/user/{user}" | "/user/{user}/factor/{id}" | "/outbox/{id}")
        | ("PUT", "/user/{user}/deletion")
        | ("POST", "/account/delete")
        | (
            "POST",
            "/user/{user}/recovery-codes"
            | "/user/{user}/invitation"
            | "/signing-key"
            | "/admin/keys/rotate"
            | "/account/factors/recovery-codes"
            | "/account/factors/{id}/remove"
            | "/admin/users/{user}/factors/{id}"
            | "/admin/users/{user}/delete"
            | "/admin/users/{user}/delete-now"
            | "/admin/users/{user}/keep"
            | "/admin/users/{user}/invitation",
        ) => with_proof(json!({})),
        ("PUT", "/user/{user}/email")
        | ("POST", "/account/email" | "/admin/users/{user}/email") => {
            with_proof(json!({"email": "thief@example.org"}))
        }
        ("POST", "/invitation" | "/admin/users/new") => {
            with_proof(json!({"username": "thief", "role": "admin"}))
        }
        ("POST", "/admin/invitations/new") => {
            with_proof(json!({"people": "thief", "role": "admin"}))
        }
        ("PUT", "/user/{user}/role") | ("POST", "/admin/users/{user}/role") => {
            with_proof(json!({"role": "user"}))
        }
        ("PUT", "/user/{user}/status") | ("POST", "/admin/users/{user}/status") => {
            with_proof(json!({"status": "disabled"}))
        }
        ("PUT", "/password") | ("POST", "/account/password") => {
            let fields = json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD});
            match sender {
                Sender::SignedIn(_) => with_code(fields),
                _ => {
                    json!({"username": "ben", "current_password": PASSWORD, "new_password": OTHER_PASSWORD})
                }
            }
        }
        _ => return body_of(route),
    })
}

/// Returns `true` if a code of the second factor belongs to the request.
fn takes_code(route: &Route) -> bool {
    let fields = |proof| fields_of(route, Sender::SignedIn(proof));
    fields(Proof::PasswordAndCode("123456")) != fields(Proof::Password)
}

/// Sends the fields as a form from a page, or as JSON.
async fn send(draft: RequestBuilder<'_>, is_form: bool, fields: Option<Value>) -> TestResponse {
    let Some(fields) = fields else {
        return draft.send().await;
    };
    if !is_form {
        return draft.json(&fields).send().await;
    }
    let pairs = fields.as_object().unwrap().iter();
    let pairs = pairs.map(|(name, value)| {
        let value = value.as_str().map_or(value.to_string(), str::to_owned);
        let value = value.replace(' ', "+");
        format!("{name}={value}")
    });
    let form = pairs.collect::<Vec<_>>().join("&");
    draft.form(&form).send().await
}

/// Sends the request of a signed-in client. Pages get the session in the cookie, and a form.
async fn send_signed_in(
    client: &Client,
    route: &Route,
    factor: &str,
    proof: Proof<'_>,
) -> TestResponse {
    let path = filled_for_ben(route, factor);
    let draft = client.request(route.method.as_str(), &path);
    let draft = match route.is_page {
        true => draft.cookie(client.token()).on_our_page(),
        false => draft,
    };
    send(
        draft,
        route.is_page,
        fields_of(route, Sender::SignedIn(proof)),
    )
    .await
}

/// What only the second factor protects.
#[derive(Debug, PartialEq)]
struct Protected {
    email: Option<String>,
    pending_email: Option<String>,
    role: Role,
    status: Status,
    factors: FactorList,
    is_to_be_deleted: bool,
    /// Number of other admins who were invited.
    invited: usize,
    /// Status and `next` of a sign-in with the old password.
    sign_in: (u16, Value),
}

/// `None` if Ben's account was deleted.
async fn protected(app: &TestApp) -> Option<Protected> {
    let operator = app.ctx(Actor::CommandLine);
    let user: User = app.doorward.operator.find_by_name("ben").await.ok()?;
    let factors = app.doorward.factors.list_by_name(&operator, "ben").await;
    let (service, pending) = (&app.doorward.invitations, InvitationStatus::Pending);
    let invited = service.list(&operator, pending, None, 10).await;
    let body = json!({"username": "ben", "password": PASSWORD});
    let answer = app.anonymous().post("/auth", body).await;
    Some(Protected {
        email: user.email.as_ref().map(|email| email.as_str().to_owned()),
        pending_email: user
            .pending_address()
            .map(|email| email.as_str().to_owned()),
        role: user.role,
        status: user.status,
        factors: factors.unwrap(),
        is_to_be_deleted: user.deletion.is_some(),
        invited: invited.unwrap().len(),
        sign_in: (answer.status, answer.json()["next"].clone()),
    })
}

async fn sessions(app: &TestApp) -> usize {
    let operator = app.ctx(Actor::CommandLine);
    let listed = app.doorward.sessions.list(&operator, "ben").await;
    listed.map_or(0, |sessions| sessions.len())
}

/// Ben, an admin with a factor and nine recovery codes.
struct Ben {
    app: TestApp,
    /// The session in which he added the factor. It proves the password only.
    session: Client,
    enrolment: Value,
    factor: String,
}

async fn ben() -> Ben {
    let app = TestApp::with(|options| options.policy.throttle = false).await;
    // Not the last admin: he can be demoted, disabled and deleted.
    for name in ["root", "ben"] {
        app.create(name, Role::Admin).await;
    }
    let session = app.sign_in("ben").await;
    let (enrolment, codes) = enrol(&app, &session, "Phone").await;
    // With all ten, new codes would be as many as before.
    let challenge = challenge(&app.anonymous(), "ben").await;
    let body = json!({"challenge": challenge, "kind": "recovery-code", "code": codes[0]});
    let other = app.anonymous().post("/auth/factor", body).await.expect(201);
    let other = app
        .anonymous()
        .with_token(other.json()["token"].as_str().unwrap());
    other.delete("/auth").await.expect(204);
    let factor = enrolment["id"].as_str().unwrap().to_owned();
    Ben {
        app,
        session,
        enrolment,
        factor,
    }
}

fn filled_for_ben(route: &Route, factor: &str) -> String {
    let path = filled(route.path, "me");
    path.replace("019363a0-0000-7000-8000-000000000000", factor)
}

/// M-02: no session and no cookie before the second factor.
#[tokio::test]
async fn the_password_and_a_challenge_open_no_session() {
    let Ben { app, factor, .. } = ben().await;
    for route in table() {
        let challenge = challenge(&app.anonymous(), "ben").await;
        let bearer = app.anonymous().with_token(&challenge);
        let path = filled_for_ben(route, &factor);
        for client in [&app.anonymous(), &bearer] {
            let draft = client.request(route.method.as_str(), &path);
            let fields = fields_of(route, Sender::Program(&challenge));
            let answer = send(draft, route.is_page, fields).await;
            let (method, status) = (&route.method, answer.status);
            let context = format!("{method} {path}: {status} {}", answer.text());
            assert!(!matches!(status, 415 | 422), "{context}");
            assert!(answer.cookie("__Host-doorward").is_none(), "{context}");
            let is_json = answer.header("content-type") == Some("application/json");
            assert!(
                !is_json || answer.json().get("token").is_none(),
                "{context}"
            );
        }
        for name in ["__Host-doorward", "__Host-doorward-challenge"] {
            let client = app.anonymous();
            let cookie = format!("{name}={challenge}");
            let draft = client.request(route.method.as_str(), &path).on_our_page();
            let draft = draft.header("cookie", &cookie);
            let answer = send(draft, true, fields_of(route, Sender::Browser)).await;
            let context = format!("{} {path}: {}", route.method, answer.status);
            assert!(!matches!(answer.status, 415 | 422), "{context}");
            let set = answer.cookie("__Host-doorward").unwrap_or_default();
            assert_eq!(set, "", "{context}");
        }
        assert_eq!(sessions(&app).await, 1, "{} {path}", route.method);
    }
}

/// A thief with a session and the password cannot make the session worth more.
#[tokio::test]
async fn a_session_and_the_password_change_nothing_that_the_factor_protects() {
    for route in table() {
        let ben = ben().await;
        let before = protected(&ben.app).await;
        for proof in [Proof::Password, Proof::None] {
            let answer = send_signed_in(&ben.session, route, &ben.factor, proof).await;
            let (method, status) = (&route.method, answer.status);
            let context = format!("{method} {}: {status} {}", route.path, answer.text());
            if matches!(proof, Proof::Password) {
                assert!(!matches!(status, 415 | 422), "{context}");
                assert!(!takes_code(route) || status == 401, "{context}");
                let needs_code = takes_code(route) && !route.is_page;
                assert!(
                    !needs_code || answer.code() == "reauthentication-required",
                    "{context}"
                );
            }
            assert_eq!(protected(&ben.app).await, before, "{context}");
        }
    }
}

/// The same requests with a code show that they are complete: only the code was missing.
#[tokio::test]
async fn the_same_requests_with_a_code_change_what_the_factor_protects() {
    // The first code of an enrolment is compared with the proof of its beginning, and takes none.
    let is_first_code =
        |route: &Route| (route.method.as_str(), route.path) == ("POST", "/user/{user}/factor/{id}");
    let requires_proof =
        |route: &&Route| route.has_problem(Code::ReauthenticationRequired) && !is_first_code(route);
    assert!(table().filter(requires_proof).all(takes_code));
    // The user of a pending deletion has no session, Ben was not invited, and neither a mail nor a key is a part of
    // the account.
    let is_not_for_ben = |route: &Route| {
        matches!(
            (route.method.as_str(), route.path),
            ("DELETE", "/user/{user}/deletion" | "/outbox/{id}")
                | (
                    "POST",
                    "/signing-key"
                        | "/admin/keys/rotate"
                        | "/admin/users/{user}/keep"
                        | "/user/{user}/invitation"
                        | "/admin/users/{user}/invitation"
                )
        )
    };
    let routes = table().filter(|route| takes_code(route) && !is_not_for_ben(route));
    let routes: Vec<_> = routes.collect();
    assert!(routes.len() >= 12, "{routes:?}");
    for route in routes {
        let ben = ben().await;
        let before = protected(&ben.app).await;
        let code = code(&ben.app, &ben.enrolment);
        let proof = Proof::PasswordAndCode(&code);
        let answer = send_signed_in(&ben.session, route, &ben.factor, proof).await;
        let (method, status) = (&route.method, answer.status);
        let context = format!("{method} {}: {status} {}", route.path, answer.text());
        assert!(status < 400, "{context}");
        assert_ne!(protected(&ben.app).await, before, "{context}");
    }
}

/// The mailbox gives a new password, not a session.
#[tokio::test]
async fn no_mailed_link_replaces_the_factor() {
    let Ben { app, .. } = ben().await;
    app.mails().await;
    let body = json!({"email": "ben@example.com"});
    app.anonymous().post("/recovery", body).await.expect(202);
    let link = path_in(&app.one_mail().await);
    let body = json!({"new_password": PASSWORD});
    let done = app.anonymous().post(&link, body).await.expect(204);
    assert!(done.cookies().is_empty());
    app.mails().await;
    challenge(&app.anonymous(), "ben").await;
    assert_eq!(sessions(&app).await, 0);
    let body =
        json!({"username": "ben", "current_password": PASSWORD, "new_password": OTHER_PASSWORD});
    app.anonymous()
        .put("/password", body)
        .await
        .expect_problem(401, "reauthentication-required");
}
