//! Password rules: a rejected password is not hashed.

use std::sync::Arc;

use doorward_domain::Error;
use doorward_domain::passwords::{Breached, BreachedList};

use crate::world::*;

/// P-02: a password above 1,024 bytes is never hashed.
#[tokio::test]
async fn an_overlong_password_is_never_hashed() {
    let world = World::new().await;
    let user = world.active("ben").await;
    let session = world.sign_in("ben").await;
    let long = "é".repeat(512) + "x";
    assert_eq!(long.len(), 1025);
    world.forget();
    let refused = world.doorward.password.check_password_rules(&long, &[]);
    assert_eq!(refused.unwrap_err().code, "too-long");
    assert!(doorward_domain::values::Password::parse(&long).is_err());
    let link = world
        .link(
            &user,
            doorward_domain::model::Purpose::Recovery,
            "ben@example.com",
        )
        .await;
    world.forget();
    let (anon, long) = (world.anon(), secret(&long));
    let recovered = world.doorward.recovery.recover(&anon, &link, &long);
    assert_err!(recovered.await, Error::Invalid(_));
    assert_eq!(world.secrets.take_hashes(), 0);
    // The current password is checked first, which is one hash. The new one is not hashed.
    let (ctx, shown) = (world.of(&session), password(PASSWORD));
    let changed = world
        .doorward
        .password
        .change_password(&ctx, None, &shown, &long);
    assert_err!(changed.await, Error::Invalid(_));
    assert_eq!(world.secrets.take_hashes(), 1);
}

/// Contains every password that starts with `lost `.
struct FakeBreachedList;

impl BreachedList for FakeBreachedList {
    fn holds(&self, password: &str) -> bool {
        password.starts_with("lost ")
    }
}

/// P-05: the breached list is queried after NFC, whenever a password is set, and never at sign-in.
#[tokio::test]
async fn the_breached_list_is_checked_wherever_a_password_is_set() {
    let world = World::with(|policy| {
        policy.password_rules.breached = Breached::of(Arc::new(FakeBreachedList));
    })
    .await;
    let user = world.active("ben").await;
    let session = world.sign_in("ben").await;
    let judged = world
        .doorward
        .password
        .check_password_rules("lost umbrella", &[]);
    assert_eq!(judged.unwrap_err().code, "breached");
    let (ctx, anon) = (world.of(&session), world.anon());
    let (shown, lost) = (password(PASSWORD), secret("lost umbrella"));
    let is_breached = |error: &Error| matches!(error, Error::Invalid(faults) if faults[0].invalid.code == "breached");
    let changed = world
        .doorward
        .password
        .change_password(&ctx, None, &shown, &lost);
    assert!(changed.await.is_err_and(|error| is_breached(&error)));
    let link = world
        .link(
            &user,
            doorward_domain::model::Purpose::Recovery,
            "ben@example.com",
        )
        .await;
    let recovered = world.doorward.recovery.recover(&anon, &link, &lost);
    assert!(recovered.await.is_err_and(|error| is_breached(&error)));
    assert_err!(
        world.try_sign_in("ben", "lost umbrella").await,
        Error::InvalidCredentials
    );
}
