//! Updating the profile.

use doorward_domain::Error;
use doorward_domain::profile::ProfileUpdate;
use doorward_domain::values::{Data, Name};
use serde_json::{Value, json};

use crate::world::*;

fn replace(name: Option<&str>, data: Value) -> ProfileUpdate {
    ProfileUpdate::Replace {
        name: name.map(|name| Name::parse(name).unwrap()),
        data: Data::parse(data).unwrap(),
    }
}

fn patch(data: Value) -> ProfileUpdate {
    ProfileUpdate::Patch {
        name: None,
        data: Some(data.as_object().cloned()),
    }
}

#[tokio::test]
async fn replace_sets_all_fields_and_patch_keeps_the_others() {
    let world = World::new().await;
    world.active("ben").await;
    let session = world.sign_in("ben").await;
    let ctx = world.of(&session);
    let update = async |update: &ProfileUpdate| {
        let updated = world
            .doorward
            .profile
            .update_profile(&ctx, "me", update, None)
            .await
            .unwrap();
        let name = updated.name.map(|name| name.as_str().to_owned());
        (name, Value::Object(updated.data.as_map().clone()))
    };
    let ben = Some("Ben".to_owned());
    let full = replace(Some("Ben"), json!({"phone": "1", "a": {"b": 1}}));
    assert_eq!(
        update(&full).await,
        (ben.clone(), json!({"phone": "1", "a": {"b": 1}}))
    );
    let patched = update(&patch(json!({"phone": null, "a": {"c": 2}}))).await;
    assert_eq!(patched, (ben, json!({"a": {"b": 1, "c": 2}})));
    let no_name = ProfileUpdate::Patch {
        name: Some(None),
        data: None,
    };
    assert_eq!(
        update(&no_name).await,
        (None, json!({"a": {"b": 1, "c": 2}}))
    );
    let no_data = ProfileUpdate::Patch {
        name: None,
        data: Some(None),
    };
    assert_eq!(update(&no_data).await, (None, json!({})));
}

/// Z-03: a profile update touches name and data, nothing else.
#[tokio::test]
async fn only_name_and_data_change_and_the_session_stays() {
    let world = World::new().await;
    let before = world.active("ben").await;
    let session = world.sign_in("ben").await;
    world.check(&session).await.unwrap();
    world.audited();
    world.advance(seconds(5));
    let update = replace(Some("Ben"), json!({"role": "admin", "status": "active"}));
    let updated = world
        .doorward
        .profile
        .update_profile(&world.of(&session), "me", &update, None)
        .await;
    let updated = updated.unwrap();
    let mut expected = before.clone();
    expected.name = updated.name.clone();
    expected.data = updated.data.clone();
    expected.version = before.version.next();
    expected.updated_at = world.now();
    assert_eq!(world.kept_user(&before).await, expected);
    assert_eq!(world.audited(), ["profile-updated"]);
    assert_eq!(
        world.check(&session).await.unwrap(),
        expected,
        "visible at once on this node"
    );
}

#[tokio::test]
async fn a_patch_that_makes_data_too_large_is_rejected() {
    let world = World::new().await;
    world.active("ben").await;
    let session = world.sign_in("ben").await;
    let ctx = world.of(&session);
    let half = "x".repeat(9_000);
    let first = patch(json!({ "a": half }));
    world
        .doorward
        .profile
        .update_profile(&ctx, "me", &first, None)
        .await
        .unwrap();
    let second = patch(json!({ "b": half }));
    let refused = world
        .doorward
        .profile
        .update_profile(&ctx, "me", &second, None)
        .await;
    assert_err!(refused, Error::Invalid(fields)
        if fields[0].field == "data" && fields[0].invalid.code == "too-long");
}

/// H-07: no update is lost.
#[tokio::test]
async fn a_write_to_an_older_version_is_rejected() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let session = world.sign_in("ben").await;
    let ctx = world.of(&session);
    let (one, other) = (patch(json!({"a": 1})), patch(json!({"b": 2})));
    let update = |what, version| {
        world
            .doorward
            .profile
            .update_profile(&ctx, "me", what, version)
    };
    update(&one, Some(ben.version)).await.unwrap();
    assert_err!(
        update(&other, Some(ben.version)).await,
        Error::PreconditionFailed
    );
    update(&other, None).await.unwrap();
    let kept = world.kept_user(&ben).await;
    assert_eq!(
        Value::Object(kept.data.as_map().clone()),
        json!({"a": 1, "b": 2})
    );
}

#[tokio::test]
async fn two_concurrent_patches_both_apply() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let session = world.sign_in("ben").await;
    let ctx = world.of(&session);
    world.spy.yield_once();
    let (one, other) = (patch(json!({"a": 1})), patch(json!({"b": 2})));
    let (first, second) = tokio::join!(
        world
            .doorward
            .profile
            .update_profile(&ctx, "me", &one, None),
        world
            .doorward
            .profile
            .update_profile(&ctx, "me", &other, None)
    );
    first.unwrap();
    second.unwrap();
    let kept = world.kept_user(&ben).await;
    assert_eq!(
        Value::Object(kept.data.as_map().clone()),
        json!({"a": 1, "b": 2})
    );
}

#[tokio::test]
async fn a_concurrently_deleted_user_is_not_restored() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let session = world.sign_in("ben").await;
    world.spy.interleave(ben.delete(world.now()));
    let ctx = world.of(&session);
    let refused = world
        .doorward
        .profile
        .update_profile(&ctx, "me", &patch(json!({})), None)
        .await;
    assert_err!(refused, Error::NotFound);
    assert_eq!(world.kept(&ben).await, None);
}
