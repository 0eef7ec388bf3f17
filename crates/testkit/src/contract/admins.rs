//! At least one admin stays active, even if two are demoted at the same time.

use std::sync::Arc;

use doorward_domain::changes::{ApplyError, Change};
use doorward_domain::model::{Role, Status, User};
use doorward_domain::ports::Store;

use super::{assert_refused, count, insert, must, race, update};
use crate::fixtures::{self, next_version};

pub async fn some_admin_must_stay_active(store: Arc<dyn Store>) {
    let (first, second) = (fixtures::admin(), fixtures::admin());
    assert_refused!(
        store.apply(vec![Change::CheckAdminRemains]).await,
        ApplyError::LastAdmin
    );
    insert(&*store, &first).await;
    insert(&*store, &second).await;

    let disabled = User {
        status: Status::Disabled,
        ..next_version(&first)
    };
    must(
        &*store,
        vec![update(&disabled, &first), Change::CheckAdminRemains],
    )
    .await;
    let demoted = User {
        role: Role::User,
        ..next_version(&second)
    };
    let result = store
        .apply(vec![update(&demoted, &second), Change::CheckAdminRemains])
        .await;
    assert_refused!(result, ApplyError::LastAdmin);
    let result = store
        .apply(vec![
            Change::DeleteUser(second.id),
            Change::CheckAdminRemains,
        ])
        .await;
    assert_refused!(result, ApplyError::LastAdmin);
    assert_eq!(store.find_user(second.id).await.unwrap(), Some(second));
}

pub async fn an_admin_is_looked_for(store: Arc<dyn Store>) {
    insert(&*store, &fixtures::user()).await;
    let disabled = User {
        status: Status::Disabled,
        ..fixtures::admin()
    };
    insert(&*store, &disabled).await;
    assert!(!store.has_active_admin().await.unwrap());
    insert(&*store, &fixtures::admin()).await;
    assert!(store.has_active_admin().await.unwrap());
}

/// Ten times: two admins demote themselves at the same time.
pub async fn two_last_admins_cannot_both_go(store: Arc<dyn Store>) {
    for round in 0..10 {
        let admins = [fixtures::admin(), fixtures::admin()];
        for admin in &admins {
            insert(&*store, admin).await;
        }
        let results = race(2, |number| {
            let (store, admin) = (store.clone(), admins[number].clone());
            async move {
                let demoted = User {
                    role: Role::User,
                    ..next_version(&admin)
                };
                store
                    .apply(vec![update(&demoted, &admin), Change::CheckAdminRemains])
                    .await
            }
        });
        let last = |error: &ApplyError| matches!(error, ApplyError::LastAdmin);
        assert_eq!(count(results.await, last), (1, 1), "round {round}");
        for admin in &admins {
            must(&*store, vec![Change::DeleteUser(admin.id)]).await;
        }
    }
}

fn check_actor(actor: &User, role: Role) -> Change {
    Change::CheckActor {
        user_id: actor.id,
        role,
        session_epoch: actor.session_epoch,
    }
}

/// Z-04: the actor of a write is active, has the role, and has a session that has not ended.
pub async fn a_privileged_write_checks_its_actor(store: Arc<dyn Store>) {
    let (admin, user, target) = (fixtures::admin(), fixtures::user(), fixtures::user());
    let disabled = User {
        status: Status::Disabled,
        ..fixtures::admin()
    };
    for stored in [&admin, &user, &target, &disabled] {
        insert(&*store, stored).await;
    }
    let changed = next_version(&target);
    let write = |check: Change| store.apply(vec![check, update(&changed, &target)]);
    let ended = User {
        session_epoch: admin.session_epoch - 1,
        ..admin.clone()
    };
    for signed_out in [&ended, &disabled, &fixtures::admin()] {
        let result = write(check_actor(signed_out, Role::User)).await;
        assert_refused!(result, ApplyError::ActorSignedOut);
    }
    let result = write(check_actor(&user, Role::Admin)).await;
    assert_refused!(result, ApplyError::ActorNotAllowed);
    let stored = store.find_user(target.id).await.unwrap();
    assert_eq!(stored.as_ref(), Some(&target), "nothing was changed");

    must(&*store, vec![check_actor(&user, Role::User)]).await;
    must(
        &*store,
        vec![check_actor(&admin, Role::Admin), update(&changed, &target)],
    )
    .await;
    // A session that another node has moved to a new epoch.
    let lifted = User {
        session_epoch: admin.session_epoch + 1,
        ..admin
    };
    must(&*store, vec![check_actor(&lifted, Role::Admin)]).await;
}

pub async fn of_two_admins_who_demote_each_other_one_wins(store: Arc<dyn Store>) {
    insert(&*store, &fixtures::admin()).await;
    for round in 0..10 {
        let admins = [fixtures::admin(), fixtures::admin()];
        for admin in &admins {
            insert(&*store, admin).await;
        }
        let results = race(2, |number| {
            let store = store.clone();
            let (actor, target) = (admins[number].clone(), admins[1 - number].clone());
            async move {
                let demoted = User {
                    role: Role::User,
                    ..next_version(&target)
                };
                let changes = vec![check_actor(&actor, Role::Admin), update(&demoted, &target)];
                store.apply(changes).await
            }
        });
        let refused = |error: &ApplyError| matches!(error, ApplyError::ActorNotAllowed);
        assert_eq!(count(results.await, refused), (1, 1), "round {round}");
    }
}
