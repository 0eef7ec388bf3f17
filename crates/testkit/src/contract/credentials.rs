//! Passwords: one for each user.

use std::sync::Arc;

use doorward_domain::changes::Change;
use doorward_domain::model::Credential;
use doorward_domain::ports::Store;
use doorward_domain::values::{Secret, UserId};

use super::{insert, must, race};
use crate::fixtures::{self, later};

async fn kept(store: &dyn Store, user_id: UserId) -> (String, i64) {
    let credential = store.find_credential(user_id).await.unwrap().unwrap();
    assert_eq!(credential.user_id, user_id);
    (
        credential.password_hash.expose().clone(),
        credential.updated_at.as_microsecond(),
    )
}

fn spelled(credential: &Credential) -> (String, i64) {
    (
        credential.password_hash.expose().clone(),
        credential.updated_at.as_microsecond(),
    )
}

pub async fn a_password_is_set_and_set_again(store: Arc<dyn Store>) {
    let user = fixtures::user();
    insert(&*store, &user).await;
    assert!(store.find_credential(user.id).await.unwrap().is_none());
    for at in [1, 2] {
        let credential = Credential {
            updated_at: later(at),
            ..fixtures::credential(user.id)
        };
        must(&*store, vec![Change::PutCredential(credential.clone())]).await;
        assert_eq!(kept(&*store, user.id).await, spelled(&credential));
        must(&*store, vec![Change::PutCredential(credential.clone())]).await;
        assert_eq!(kept(&*store, user.id).await, spelled(&credential));
    }
}

pub async fn a_hash_is_renewed_only_while_it_is_the_old_one(store: Arc<dyn Store>) {
    let user = fixtures::user();
    let (old, new) = (fixtures::credential(user.id), fixtures::credential(user.id));
    insert(&*store, &user).await;
    let rehash = |old: &str| Change::RehashCredential {
        credential: new.clone(),
        old: Secret::new(old.to_owned()),
    };
    must(&*store, vec![rehash(old.password_hash.expose())]).await;
    assert!(
        store.find_credential(user.id).await.unwrap().is_none(),
        "none was made"
    );
    must(&*store, vec![Change::PutCredential(old.clone())]).await;
    for wrong in [
        old.password_hash.expose().to_uppercase(),
        format!("{} ", old.password_hash.expose()),
    ] {
        must(&*store, vec![rehash(&wrong)]).await;
        assert_eq!(kept(&*store, user.id).await, spelled(&old));
    }
    must(&*store, vec![rehash(old.password_hash.expose())]).await;
    assert_eq!(kept(&*store, user.id).await, spelled(&new));
}

pub async fn a_first_password_set_by_many_is_one_of_theirs(store: Arc<dyn Store>) {
    let user = fixtures::user();
    insert(&*store, &user).await;
    let credentials: Vec<_> = (0..12).map(|_| fixtures::credential(user.id)).collect();
    let results = race(12, |number| {
        let (store, credential) = (store.clone(), credentials[number].clone());
        async move { store.apply(vec![Change::PutCredential(credential)]).await }
    });
    for result in results.await {
        result.unwrap();
    }
    let kept = kept(&*store, user.id).await;
    assert!(
        credentials
            .iter()
            .any(|credential| spelled(credential) == kept)
    );
}

pub async fn passwords_are_listed_as_far_as_there_are_any(store: Arc<dyn Store>) {
    assert!(store.list_credentials(&[]).await.unwrap().is_empty());
    let mut wanted: Vec<UserId> = (0..300).map(|_| fixtures::user_id()).collect();
    let credentials: Vec<_> = wanted
        .iter()
        .step_by(2)
        .map(|id| fixtures::credential(*id))
        .collect();
    let other = fixtures::credential(fixtures::user_id());
    let changes = credentials.iter().chain([&other]).cloned();
    must(&*store, changes.map(Change::PutCredential).collect()).await;
    wanted.reverse();
    let mut listed = store.list_credentials(&wanted).await.unwrap();
    listed.sort_unstable_by_key(|credential| credential.user_id);
    let ids = |all: &[Credential]| all.iter().map(|one| one.user_id).collect::<Vec<_>>();
    assert_eq!(ids(&listed), ids(&credentials));
    for (listed, written) in listed.iter().zip(&credentials) {
        assert_eq!(spelled(listed), spelled(written));
    }
}
