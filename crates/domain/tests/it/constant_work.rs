//! Equal work: timing must not reveal whether an account exists (A-02, T-EQUAL).
//!
//! For each route where this matters, the store calls, the kinds of changes (with audit events and mails), the
//! throttle calls and the number of hashes are the same for all accounts. `cargo xtask timing` measures the real
//! times.

use doorward_domain::ctx::Actor;
use doorward_domain::values::{Role, Token};
use doorward_domain::{Ctx, Error};
use jiff::SignedDuration;

use crate::test_node::*;

async fn populate() -> TestNode {
    let node = TestNode::new().await;
    node.active("known").await;
    node.pending("pending").await;
    node.active("disabled").await;
    node.active("deleted").await;
    node.active("asker").await;
    let operator = node.operator();
    node.doorward
        .admin
        .disable(&operator, "disabled", None)
        .await
        .unwrap();
    node.doorward
        .deletion
        .delete(&operator, "deleted", None)
        .await
        .unwrap();
    node.mails().await;
    node
}

const CROWD: [&str; 5] = ["unknown", "known", "pending", "disabled", "deleted"];

/// The work for one request.
#[derive(Debug, PartialEq, Eq)]
struct Work {
    calls: Vec<&'static str>,
    changes: Vec<String>,
    throttle: Vec<(&'static str, &'static str)>,
    hashes: usize,
}

/// Returns the work since the last call, and advances the clock by an hour, so that attempts do not delay each
/// other.
fn work(node: &TestNode) -> Work {
    let work = Work {
        calls: node.spy.take_calls(),
        changes: node.spy.take_writes(),
        throttle: node.throttle.take_asked(),
        hashes: node.random.take_hashes(),
    };
    node.advance(SignedDuration::from_hours(1));
    node.clear_cache();
    work
}

fn assert_same_work(works: &[(&str, Work)]) {
    for (name, work) in works {
        assert_eq!(*work, works[0].1, "{name} is not {}", works[0].0);
    }
}

/// signing up with an address and then signing in reveals no more than the sign-up.
#[tokio::test]
async fn a_sign_up_with_an_address_does_not_reveal_whether_it_has_an_owner() {
    let node = populate().await;
    node.list_at_once();
    let mut works = Vec::new();
    for address in ["known@example.com", "free@example.com"] {
        let name = format!("claims-{}", &address[..4]);
        let mut wanted = sign_up(Some(&name), Some(address));
        wanted.password = new_password("a claim of one's own");
        node.try_sign_up(wanted).await.unwrap();
        node.clear_cache();
        assert_err!(
            node.try_sign_in(address, "a claim of one's own").await,
            Error::EmailUnconfirmed
        );
        assert_err!(
            node.try_sign_in(address, OTHER_PASSWORD).await,
            Error::InvalidCredentials
        );
        works.push((address, work(&node)));
    }
    assert_same_work(&works);
}

/// A-02, T-EQUAL: all accounts cost the same work. A username costs one hash, an address two, since it may have an
/// owner and a pending user.
#[tokio::test]
async fn a_wrong_password_costs_the_same_work_for_every_account() {
    let node = populate().await;
    for (domain, hashes) in [("", 1), ("@example.com", 2)] {
        let mut works = Vec::new();
        for name in CROWD {
            node.clear_cache();
            let refused = node
                .try_sign_in(&format!("{name}{domain}"), OTHER_PASSWORD)
                .await;
            assert_err!(refused, Error::InvalidCredentials);
            works.push((name, work(&node)));
        }
        assert_eq!(works[0].1.hashes, hashes);
        assert_eq!(works[0].1.changes, ["insert audit_events"]);
        assert_same_work(&works);
    }
}

/// A-02, T-EQUAL, P-12: a password change without a session checks a password as well.
#[tokio::test]
async fn a_password_change_without_a_session_costs_the_same_work_for_every_account() {
    let node = populate().await;
    for domain in ["", "@example.com"] {
        let mut works = Vec::new();
        for name in CROWD {
            let named = identifier(&format!("{name}{domain}"));
            let (ctx, shown) = (node.anonymous(), proof(OTHER_PASSWORD));
            let new = secret("three lamps and a boat");
            node.clear_cache();
            let refused = node
                .doorward
                .passwords
                .change(&ctx, Some(&named), &shown, &new, None);
            assert_err!(refused.await, Error::InvalidCredentials);
            works.push((name, work(&node)));
        }
        assert_same_work(&works);
    }
}

/// A-02, T-EQUAL: a request for a mail looks up no user; the worker does.
#[tokio::test]
async fn requesting_a_mail_costs_the_same_work_for_every_account() {
    let node = populate().await;
    let (mut recoveries, mut confirmations) = (Vec::new(), Vec::new());
    for name in CROWD {
        let address = email(&format!("{name}@example.com"));
        node.clear_cache();
        node.doorward
            .recovery
            .request(&node.anonymous(), &address, None)
            .await
            .unwrap();
        recoveries.push((name, work(&node)));
        node.doorward
            .confirmation
            .request_confirmation(&node.anonymous(), &address, None)
            .await
            .unwrap();
        confirmations.push((name, work(&node)));
    }
    for works in [recoveries, confirmations] {
        assert_eq!((&*works[0].1.calls, works[0].1.hashes), (&["apply"][..], 0));
        assert!(works[0].1.changes.contains(&"insert jobs".to_owned()));
        assert_same_work(&works);
    }
}

/// A-02, T-EQUAL: a taken address costs the same work as a free one.
#[tokio::test]
async fn a_sign_up_costs_the_same_work_for_any_owner_of_the_address() {
    let node = populate().await;
    let mut works = Vec::new();
    for name in CROWD {
        let address = format!("{name}@example.com");
        node.clear_cache();
        node.try_sign_up(sign_up(None, Some(&address)))
            .await
            .unwrap();
        works.push((name, work(&node)));
    }
    assert_same_work(&works);
}

/// A-02, T-EQUAL: an address change to a taken address costs the same work as one to a free address.
#[tokio::test]
async fn an_address_change_costs_the_same_work_for_any_owner_of_the_address() {
    let node = populate().await;
    let mut works = Vec::new();
    // The first request has no pending address to replace.
    for name in ["first"].into_iter().chain(CROWD) {
        let address = email(&format!("{name}@example.com"));
        let session = node.sign_in("asker").await;
        let (ctx, shown) = (node.of(&session), proof(PASSWORD));
        node.clear_cache();
        change_email(&node.doorward, &ctx, "me", &address, Some(&shown), None)
            .await
            .unwrap();
        works.push((name, work(&node)));
    }
    assert_same_work(&works[1..]);
}

/// Z-02, T-EQUAL: an unauthorized caller is refused before any lookup, by every method that takes a user.
#[tokio::test]
async fn access_to_another_user_costs_the_same_work_whether_or_not_they_exist() {
    let node = populate().await;
    let session = node.sign_in("asker").await;
    let ctx = node.of(&session);
    let nobody = "019363a0-0000-7000-8000-000000000000";
    let mut works = Vec::new();
    for named in [
        "unknown",
        "known",
        "pending",
        "deleted",
        nobody,
        "not a name",
        "x@example.com",
    ] {
        node.clear_cache();
        access_other(&node, &ctx, named).await;
        works.push((named, work(&node)));
    }
    let only_written_down = |call: &&str| *call == "apply";
    assert!(works[0].1.calls.iter().all(only_written_down));
    assert_same_work(&works);
}

/// Asserts that each refuses.
async fn access_other(node: &TestNode, ctx: &Ctx, named: &str) {
    let doorward = &node.doorward;
    let address = email("elsewhere@example.com");
    assert_err!(doorward.profile.view(ctx, named).await, Error::Forbidden);
    assert_err!(
        doorward.deletion.delete(ctx, named, None).await,
        Error::Forbidden
    );
    assert_err!(
        doorward.admin.disable(ctx, named, None).await,
        Error::Forbidden
    );
    assert_err!(
        doorward
            .admin
            .change_role(ctx, named, Role::Admin, None)
            .await,
        Error::Forbidden
    );
    assert_err!(
        change_email(doorward, ctx, named, &address, None, None).await,
        Error::Forbidden
    );
    assert_err!(doorward.sessions.list(ctx, named).await, Error::Forbidden);
}

/// R-03, T-EQUAL: a link that never existed, a used one, and one of a deleted user.
#[tokio::test]
async fn an_invalid_link_costs_the_same_work_regardless_of_the_reason() {
    let node = populate().await;
    let (doorward, anonymous) = (&node.doorward, || node.ctx(Actor::Anonymous));
    let mut dead = vec![("never was", Token::generate(&*node.random))];
    for (name, is_deleted) in [("known", false), ("asker", true)] {
        let address = email(&format!("{name}@example.com"));
        doorward
            .recovery
            .request(&anonymous(), &address, None)
            .await
            .unwrap();
        dead.push((name, token_in(&node.one_mail().await)));
        if is_deleted {
            doorward
                .deletion
                .delete(&node.operator(), name, None)
                .await
                .unwrap();
        } else {
            let token = &dead[1].1;
            doorward
                .recovery
                .finish(&anonymous(), token, &secret(OTHER_PASSWORD))
                .await
                .unwrap();
        }
        node.mails().await;
    }
    let mut works = Vec::new();
    for (name, token) in &dead {
        node.clear_cache();
        let new = secret("three lamps and a boat");
        assert!(
            doorward
                .recovery
                .finish(&anonymous(), token, &new)
                .await
                .is_err()
        );
        assert!(
            doorward
                .confirmation
                .confirm(&anonymous(), token)
                .await
                .is_err()
        );
        works.push((*name, work(&node)));
    }
    assert_eq!(works[0].1.hashes, 0);
    assert_same_work(&works);
}
