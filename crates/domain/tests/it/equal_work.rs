//! Equal work: what a stranger could learn by a stop-watch.

use doorward_domain::Error;

use crate::world::*;

async fn crowd() -> World {
    let world = World::with(|policy| policy.throttle = false).await;
    world.active("known").await;
    world.pending("pending").await;
    world.active("disabled").await;
    world.active("deleted").await;
    let operator = world.operator();
    world
        .accounts
        .disable(&operator, "disabled", None)
        .await
        .unwrap();
    world
        .accounts
        .delete_account(&operator, "deleted", None)
        .await
        .unwrap();
    world.mails().await;
    world
}

const CROWD: [&str; 5] = ["unknown", "known", "pending", "disabled", "deleted"];

/// An address that somebody claims and has not confirmed: a try at it costs two hashes, whether or
/// not it has an owner too.
fn is_claim(name: &str, domain: &str) -> bool {
    name == "pending" && !domain.is_empty()
}

/// the second step of the trick “sign up with it, then sign in” tells no more than the first.
#[tokio::test]
async fn whoever_claims_an_address_does_not_learn_whether_it_has_an_owner() {
    let world = crowd().await;
    let mut works = Vec::new();
    for address in ["known@example.com", "free@example.com"] {
        let name = format!("claims-{}", &address[..4]);
        let mut wanted = sign_up(Some(&name), Some(address));
        wanted.password = new_password("a claim of one's own");
        world.try_sign_up(wanted).await.unwrap();
        world.forget();
        assert_err!(
            world.try_sign_in(address, "a claim of one's own").await,
            Error::EmailUnconfirmed
        );
        assert_err!(
            world.try_sign_in(address, OTHER_PASSWORD).await,
            Error::InvalidCredentials
        );
        works.push((world.spy.take_calls(), world.secrets.take_hashes()));
    }
    assert_eq!(works[0], works[1]);
}

/// the same questions to the store and one hash, whoever is asked for.
#[tokio::test]
async fn a_wrong_password_costs_the_same_work_whatever_the_account() {
    let world = crowd().await;
    for domain in ["", "@example.com"] {
        let mut works = Vec::new();
        for name in CROWD {
            world.forget();
            let refused = world
                .try_sign_in(&format!("{name}{domain}"), OTHER_PASSWORD)
                .await;
            assert_err!(refused, Error::InvalidCredentials);
            let work = (world.spy.take_calls(), world.secrets.take_hashes());
            if is_claim(name, domain) {
                assert_eq!(work.1, 2, "on the owner there may be, and on the claim");
            } else {
                works.push(work);
            }
        }
        assert_eq!(works[0].1, 1, "one hash");
        assert!(works.iter().all(|work| *work == works[0]), "{works:#?}");
    }
}

/// The sibling path: a password change without a session shows a password too.
#[tokio::test]
async fn a_password_change_without_a_session_costs_the_same_work_whatever_the_account() {
    let world = crowd().await;
    for domain in ["", "@example.com"] {
        let mut works = Vec::new();
        for name in CROWD {
            world.forget();
            let named = identifier(&format!("{name}{domain}"));
            let (ctx, shown) = (world.anon(), password(OTHER_PASSWORD));
            let new = secret("three lamps and a boat");
            let refused = world
                .accounts
                .change_password(&ctx, Some(&named), &shown, &new);
            assert_err!(refused.await, Error::InvalidCredentials);
            let work = (world.spy.take_calls(), world.secrets.take_hashes());
            if !is_claim(name, domain) {
                works.push(work);
            }
        }
        assert!(works.iter().all(|work| *work == works[0]), "{works:#?}");
    }
}

/// Asking for a mail looks nobody up: the worker does.
#[tokio::test]
async fn asking_for_a_mail_costs_the_same_work_whatever_the_account() {
    let world = crowd().await;
    for name in CROWD {
        let address = email(&format!("{name}@example.com"));
        world.forget();
        world
            .accounts
            .request_recovery(&world.anon(), &address)
            .await
            .unwrap();
        world
            .accounts
            .request_confirmation(&world.anon(), &address)
            .await
            .unwrap();
        assert_eq!(world.spy.take_calls(), ["apply", "apply"]);
        assert_eq!(world.secrets.take_hashes(), 0);
    }
}

/// Z-02: who may not is told so before anybody looks, whether there is such a user or not.
#[tokio::test]
async fn reaching_for_another_costs_the_same_work_whether_there_is_one_or_not() {
    let world = crowd().await;
    let session = world.sign_in("known").await;
    let ctx = world.of(&session);
    let nobody = "019363a0-0000-7000-8000-000000000000";
    for named in ["pending", "unknown", nobody, "not a name", "x@example.com"] {
        world.forget();
        assert_err!(
            world.accounts.view_user(&ctx, named).await,
            Error::Forbidden
        );
        assert_eq!(world.spy.take_calls(), ["apply"], "the audit line alone");
    }
}
