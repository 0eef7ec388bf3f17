//! Updating the profile.

use doorward_domain::Error;
use doorward_domain::model::Version;
use doorward_domain::users::ProfileUpdate;
use doorward_domain::values::{Data, Name};
use serde_json::{Value, json};

use crate::test_node::*;

fn replace(name: Option<&str>, data: Value) -> ProfileUpdate {
    ProfileUpdate::Replace {
        name: name.map(|name| Name::parse(name).unwrap()),
        data: Data::parse(data).unwrap(),
        locale: None,
    }
}

fn patch(data: Value) -> ProfileUpdate {
    ProfileUpdate::Patch {
        name: None,
        data: Some(data.as_object().cloned()),
        locale: None,
    }
}

#[tokio::test]
async fn replace_sets_all_fields_and_patch_keeps_the_others() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    let ctx = node.of(&session);
    let update = async |update: &ProfileUpdate| {
        let updated = node
            .doorward
            .profile
            .update(&ctx, "me", update, None)
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
        locale: None,
    };
    assert_eq!(
        update(&no_name).await,
        (None, json!({"a": {"b": 1, "c": 2}}))
    );
    let no_data = ProfileUpdate::Patch {
        name: None,
        data: Some(None),
        locale: None,
    };
    assert_eq!(update(&no_data).await, (None, json!({})));
}

/// Z-03: a profile update touches name and data, nothing else.
#[tokio::test]
async fn only_name_and_data_change_and_the_session_stays() {
    let node = TestNode::new().await;
    let before = node.active("ben").await;
    let session = node.sign_in("ben").await;
    node.check(&session).await.unwrap();
    node.audited();
    node.advance(seconds(5));
    let update = replace(Some("Ben"), json!({"role": "admin", "status": "active"}));
    let updated = node
        .doorward
        .profile
        .update(&node.of(&session), "me", &update, None)
        .await;
    let updated = updated.unwrap();
    let mut expected = before.clone();
    expected.name = updated.name.clone();
    expected.data = updated.data.clone();
    expected.version = before.version.next();
    expected.updated_at = node.now();
    assert_eq!(node.stored_user(&before).await, expected);
    assert_eq!(node.audited(), ["profile-updated"]);
    assert_eq!(
        node.check(&session).await.unwrap(),
        expected,
        "visible at once on this node"
    );
}

#[tokio::test]
async fn a_patch_that_makes_data_too_large_is_rejected() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    let ctx = node.of(&session);
    let half = "x".repeat(9_000);
    let first = patch(json!({ "a": half }));
    node.doorward
        .profile
        .update(&ctx, "me", &first, None)
        .await
        .unwrap();
    let second = patch(json!({ "b": half }));
    let refused = node
        .doorward
        .profile
        .update(&ctx, "me", &second, None)
        .await;
    assert_err!(refused, Error::Invalid(fields)
        if fields[0].field == "data" && fields[0].invalid.code == "too-long");
}

/// H-07: no update is lost.
#[tokio::test]
async fn a_write_to_an_older_version_is_rejected() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let session = node.sign_in("ben").await;
    let ctx = node.of(&session);
    let (one, other) = (patch(json!({"a": 1})), patch(json!({"b": 2})));
    let update = |what, version| node.doorward.profile.update(&ctx, "me", what, version);
    update(&one, Some(ben.version)).await.unwrap();
    assert_err!(
        update(&other, Some(ben.version)).await,
        Error::PreconditionFailed
    );
    update(&other, None).await.unwrap();
    let kept = node.stored_user(&ben).await;
    assert_eq!(
        Value::Object(kept.data.as_map().clone()),
        json!({"a": 1, "b": 2})
    );
}

#[tokio::test]
async fn two_concurrent_patches_both_apply() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let session = node.sign_in("ben").await;
    let ctx = node.of(&session);
    node.spy.yield_once();
    let (one, other) = (patch(json!({"a": 1})), patch(json!({"b": 2})));
    let (first, second) = tokio::join!(
        node.doorward.profile.update(&ctx, "me", &one, None),
        node.doorward.profile.update(&ctx, "me", &other, None)
    );
    first.unwrap();
    second.unwrap();
    let kept = node.stored_user(&ben).await;
    assert_eq!(
        Value::Object(kept.data.as_map().clone()),
        json!({"a": 1, "b": 2})
    );
}

#[tokio::test]
async fn a_concurrently_deleted_user_is_not_restored() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let session = node.sign_in("ben").await;
    node.spy.interleave(ben.delete(node.now()));
    let ctx = node.of(&session);
    let refused = node
        .doorward
        .profile
        .update(&ctx, "me", &patch(json!({})), None)
        .await;
    assert_err!(refused, Error::NotFound);
    assert_eq!(node.stored_session(&ben).await, None);
}

/// L-01: only changes that are written count for the limit of audit events.
#[tokio::test]
async fn rejected_updates_do_not_use_up_the_audit_events() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let session = node.sign_in("ben").await;
    let ctx = node.of(&session);
    let profile = &node.doorward.profile;
    let update = patch(json!({"plan": "free"}));
    node.audited();
    for _ in 0..100 {
        let rejected = profile.update(&ctx, "me", &update, Some(Version::FIRST));
        assert_err!(rejected.await, Error::PreconditionFailed);
    }
    let written = profile.update(&ctx, "me", &update, Some(ben.version));
    written.await.unwrap();
    assert_eq!(node.audited(), ["profile-updated"]);
}
