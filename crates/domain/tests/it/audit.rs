//! The audit log: exactly one event per action, for every actor and outcome (L-01).

use std::net::IpAddr;

use doorward_domain::model::{AuditEvent, AuditFilter, AuditKind, Outcome};
use doorward_domain::users::ProfileUpdate;
use doorward_domain::values::Role;
use doorward_domain::{Ctx, Error};

use crate::test_node::*;

/// Actions, and the audit events that each writes.
const SCENARIOS: [(&str, &[&str]); 22] = [
    ("sign up", &["sign-up"]),
    ("sign up under a taken name", &[]),
    ("ask for the confirmation again", &[]),
    ("confirm", &["email-confirmed"]),
    ("cancel_confirmation", &["confirmation-cancelled"]),
    ("sign in", &["sign-in"]),
    ("sign in with a wrong password", &["sign-in!wrong password"]),
    ("sign in as nobody", &["sign-in!unknown account"]),
    ("sign in unconfirmed", &["sign-in!email not confirmed"]),
    ("sign in disabled", &["sign-in!account disabled"]),
    ("check a session", &[]),
    ("renew", &[]),
    ("sign out", &["sign-out"]),
    ("end all sessions", &["sessions-revoked"]),
    ("change the password", &["password-changed"]),
    (
        "recover",
        &["recovery-requested", "recovery-mailed", "recovered"],
    ),
    (
        "change the address",
        &["email-change-requested", "email-confirmed"],
    ),
    ("give a role", &["role-changed"]),
    ("disable and enable", &["status-changed", "status-changed"]),
    ("set a password by hand", &["password-set"]),
    ("rotate the keys", &["key-rotated"]),
    ("delete", &["user-deleted"]),
];

#[tokio::test]
async fn each_flow_writes_exactly_its_audit_events() {
    for (scenario, expected) in SCENARIOS {
        let node = TestNode::new().await;
        node.admin("ada").await;
        node.active("ben").await;
        node.active("off").await;
        let operator = node.operator();
        node.doorward
            .admin
            .disable(&operator, "off", None)
            .await
            .unwrap();
        node.pending("pat").await;
        play(&node, scenario).await;
        assert_eq!(node.audited(), expected, "{scenario}");
    }
}

async fn play(node: &TestNode, scenario: &str) {
    let doorward = &node.doorward;
    let (anonymous, operator) = (node.anonymous(), node.operator());
    let pats_mail = node.one_mail().await;
    let pats = token_in(&pats_mail);
    let session = node.sign_in("ben").await;
    let ctx = node.of(&session);
    let opened = doorward
        .session_check
        .authenticate(&anonymous, session.token.expose())
        .await
        .unwrap();
    let (shown, new) = (proof(PASSWORD), secret(OTHER_PASSWORD));
    node.audited();
    match scenario {
        "sign up" => drop(node.pending("new").await),
        "sign up under a taken name" => {
            let wanted = sign_up(Some("Ben"), None);
            assert_err!(node.try_sign_up(wanted).await, Error::UsernameTaken);
        }
        "ask for the confirmation again" => {
            let address = email("pat@example.com");
            doorward
                .confirmation
                .request_confirmation(&anonymous, &address, None)
                .await
                .unwrap();
            node.one_mail().await;
        }
        "confirm" => drop(
            doorward
                .confirmation
                .confirm(&anonymous, &pats)
                .await
                .unwrap(),
        ),
        "cancel_confirmation" => doorward
            .confirmation
            .cancel_confirmation(&anonymous, &pats)
            .await
            .unwrap(),
        "sign in" => drop(node.sign_in("ben").await),
        "sign in with a wrong password" => drop(node.try_sign_in("ben", OTHER_PASSWORD).await),
        "sign in as nobody" => drop(node.try_sign_in("nobody", PASSWORD).await),
        "sign in unconfirmed" => drop(node.try_sign_in("pat@example.com", PASSWORD).await),
        "sign in disabled" => drop(node.try_sign_in("off", PASSWORD).await),
        "check a session" => drop(node.check(&session).await.unwrap()),
        "renew" => drop(node.renew(&session).await.unwrap()),
        "sign out" => doorward.sessions.sign_out(&ctx, &opened).await.unwrap(),
        "end all sessions" => doorward.sessions.revoke_all(&ctx, "me").await.unwrap(),
        "change the password" => {
            doorward
                .passwords
                .change(&ctx, None, &shown, &new, None)
                .await
                .unwrap();
            node.one_mail().await;
        }
        "recover" => {
            let address = email("ben@example.com");
            doorward
                .recovery
                .request(&anonymous, &address, None)
                .await
                .unwrap();
            let token = token_in(&node.one_mail().await);
            doorward
                .recovery
                .finish(&anonymous, &token, &new)
                .await
                .unwrap();
        }
        "change the address" => {
            let address = email("new@example.com");
            change_email(doorward, &ctx, "me", &address, Some(&shown), None)
                .await
                .unwrap();
            let mails = node.mails().await;
            let mail = mails.iter().find(|mail| mail.to == address).unwrap();
            doorward
                .confirmation
                .confirm(&anonymous, &token_in(mail))
                .await
                .unwrap();
        }
        "give a role" => drop(
            doorward
                .admin
                .change_role(&operator, "ben", Role::Admin, None)
                .await
                .unwrap(),
        ),
        "disable and enable" => {
            doorward
                .admin
                .disable(&operator, "ben", None)
                .await
                .unwrap();
            doorward.admin.enable(&operator, "ben", None).await.unwrap();
        }
        "set a password by hand" => doorward
            .passwords
            .set(&operator, "ben", &new)
            .await
            .unwrap(),
        "rotate the keys" => drop(doorward.keys.rotate(&operator).await.unwrap()),
        "delete" => drop(doorward.deletion.delete(&ctx, "me", None).await.unwrap()),
        other => panic!("unknown scenario {other}"),
    }
}

#[tokio::test]
async fn an_audit_event_has_actor_address_and_request_id() {
    let node = TestNode::new().await;
    node.admin("ada").await;
    let ben = node.active("ben").await;
    let session = node.sign_in("ada").await;
    let mut ctx = node.of(&session);
    ctx.client.address = Some(IpAddr::from([192, 0, 2, 7]));
    ctx.client.user_agent = Some("Browser/1".to_owned());
    ctx.request_id = "request-42".to_owned();
    node.clear_cache();
    node.doorward
        .admin
        .change_role(&ctx, "ben", Role::Admin, None)
        .await
        .unwrap();
    let line = node.spy.take_audited().pop().unwrap();
    assert_eq!(line.actor, format!("user:{}", session.user.id));
    assert_eq!(line.user_id, Some(ben.id));
    assert_eq!(line.address, ctx.client.address);
    assert_eq!(line.user_agent, ctx.client.user_agent);
    assert_eq!(line.request_id, "request-42");
    assert_eq!(line.detail.as_deref(), Some("admin"));
    assert_eq!(line.at, node.now());
}

/// L-02, L-05: no audit event contains an email address, password or token.
#[tokio::test]
async fn no_audit_event_contains_an_address_a_password_or_a_token() {
    for (scenario, _) in SCENARIOS {
        let node = TestNode::new().await;
        node.admin("ada").await;
        node.active("ben").await;
        node.active("off").await;
        let operator = node.operator();
        node.doorward
            .admin
            .disable(&operator, "off", None)
            .await
            .unwrap();
        node.pending("pat").await;
        play(&node, scenario).await;
        let filter = AuditFilter {
            limit: 200,
            ..AuditFilter::default()
        };
        let page = node.doorward.audit.list(&operator, &filter).await.unwrap();
        let lines = page.events;
        assert!(lines.len() > 4);
        let text = format!("{lines:?}");
        for secret in ["example.com", PASSWORD, OTHER_PASSWORD, "$argon2", "eyJ"] {
            assert!(!text.contains(secret), "{scenario}: {secret}");
        }
    }
}

#[tokio::test]
async fn admins_read_the_log_newest_first_and_filter_it() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.admin("ada").await;
    node.advance(seconds(1));
    let ben = node.active("ben").await;
    node.advance(seconds(1));
    let session = node.sign_in("ada").await;
    let ctx = node.of(&session);
    // Reads are audited as well (Z-05).
    let events = async |filter: AuditFilter| {
        let filter = AuditFilter {
            limit: 50,
            ..filter
        };
        let page = node.doorward.audit.list(&ctx, &filter).await.unwrap();
        let names = page.events.iter().map(|line| line.event.as_str());
        let names = names.filter(|name| *name != "audit-read");
        names.collect::<Vec<_>>().join(" ")
    };
    let all = events(AuditFilter::default()).await;
    assert!(all.starts_with("sign-in "), "{all}");
    let by_user = AuditFilter {
        user_id: Some(ben.id),
        ..AuditFilter::default()
    };
    assert_eq!(events(by_user).await, "email-confirmed mail-sent sign-up");
    let by_event = AuditFilter {
        event: Some(AuditKind::SignIn),
        ..AuditFilter::default()
    };
    assert_eq!(events(by_event).await, "sign-in");
    let since = AuditFilter {
        since: Some(node.now()),
        ..AuditFilter::default()
    };
    assert_eq!(events(since).await, "sign-in");
}

#[tokio::test]
async fn the_user_filter_accepts_an_id_a_username_an_address_or_me() {
    let node = TestNode::new().await;
    let ada = node.admin("ada").await;
    let ben = node.active("ben").await;
    let session = node.sign_in("ada").await;
    let ctx: Ctx = node.of(&session);
    let id = ben.id.to_string();
    for (named, expected) in [
        ("ben", Some(ben.id)),
        (id.as_str(), Some(ben.id)),
        ("me", Some(ada.id)),
        ("BEN@example.com", Some(ben.id)),
        ("nobody", None),
        ("nobody@example.com", None),
        ("no name at all", None),
    ] {
        let found = node.doorward.audit.find_user_id(&ctx, named).await.unwrap();
        assert_eq!(found, expected, "{named}");
    }
}

/// The `events-suppressed` events.
fn suppressed(node: &TestNode) -> Vec<AuditEvent> {
    let mut events = node.spy.take_audited();
    events.retain(|event| event.event == AuditKind::EventsSuppressed);
    events
}

/// L-01: events beyond the limit of sixty an hour are counted, and the count is written once.
#[tokio::test]
async fn suppressed_events_are_counted_and_written_once() {
    let node = TestNode::new().await;
    node.active("ada").await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    node.clear_cache();
    for _ in 0..105 {
        let refused = node.doorward.profile.view(&node.of(&session), "ada").await;
        assert_err!(refused, Error::Forbidden);
    }
    assert_eq!(node.spy.take_audited().len(), 60);
    // If the store fails, the count stays.
    node.spy.fail("apply");
    let failed = node
        .doorward
        .housekeeping
        .write_suppressed(&node.worker())
        .await;
    assert_err!(failed, Error::Store(_));
    node.spy.clear_failures();
    node.doorward
        .housekeeping
        .write_suppressed(&node.worker())
        .await
        .unwrap();
    let written = suppressed(&node);
    let [event] = &written[..] else {
        panic!("{written:?}");
    };
    assert_eq!(event.detail.as_deref(), Some("forbidden 45"));
    assert_eq!((event.user_id, event.outcome), (None, Outcome::Failure));
    node.doorward
        .housekeeping
        .write_suppressed(&node.worker())
        .await
        .unwrap();
    assert_eq!(suppressed(&node), []);
}

/// L-01: each kind of event has its own count.
#[tokio::test]
async fn each_suppressed_kind_of_event_is_counted() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    let (ctx, doorward) = (node.of(&session), &node.doorward);
    let nothing = ProfileUpdate::Patch {
        name: None,
        data: None,
        locale: None,
    };
    for _ in 0..63 {
        doorward.personal_export.export(&ctx, "me").await.unwrap();
    }
    for _ in 0..64 {
        let changed = doorward.profile.update(&ctx, "me", &nothing, None);
        changed.await.unwrap();
    }
    node.clear_cache();
    doorward
        .housekeeping
        .write_suppressed(&node.worker())
        .await
        .unwrap();
    let written = suppressed(&node);
    let mut details: Vec<_> = written
        .iter()
        .filter_map(|event| event.detail.as_deref())
        .collect();
    details.sort_unstable();
    assert_eq!(details, ["profile-updated 4", "user-exported 3"]);
    assert!(
        written
            .iter()
            .all(|event| event.outcome == Outcome::Success)
    );
}

/// L-01: the operations page names every event.
#[test]
fn the_docs_list_every_audit_event() {
    let page = include_str!("../../../../docs/operations/audit-log.md");
    for event in AuditKind::ALL {
        let word = format!("`{}`", event.as_str());
        assert!(page.contains(&word), "{word}");
    }
}
