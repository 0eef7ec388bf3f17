//! Actions of the operator on the server's machine.

use doorward_domain::Error;
use doorward_domain::model::{MailKind, Status};
use doorward_domain::users::NewUser;
use doorward_domain::values::Role;

use crate::test_node::*;

fn new_user(name: Option<&str>, address: Option<&str>) -> NewUser {
    NewUser {
        username: name.map(username),
        email: address.map(email),
        name: None,
        password: new_password(PASSWORD),
        role: Role::User,
    }
}

/// there is no admin until the operator creates one.
#[tokio::test]
async fn there_is_no_admin_until_the_operator_creates_one() {
    let node = TestNode::new().await;
    node.active("ben").await;
    assert!(!node.doorward.operator.has_admin().await.unwrap());
    node.admin("ada").await;
    assert!(node.doorward.operator.has_admin().await.unwrap());
}

#[tokio::test]
async fn a_user_created_by_the_operator_can_sign_in_at_once_and_gets_no_mail() {
    let node = TestNode::new().await;
    let wanted = new_user(Some("ben"), Some("ben@example.com"));
    let user = node
        .doorward
        .operator
        .create_user(&node.operator(), wanted)
        .await
        .unwrap();
    assert_eq!(user.status, Status::Active);
    assert!(node.mail_jobs().is_empty());
    node.sign_in("ben@example.com").await;
    assert_eq!(node.audited(), ["sign-up", "sign-in"]);
}

#[tokio::test]
async fn a_taken_name_or_address_is_rejected_and_one_of_them_is_required() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let operator = node.operator();
    let create = |name, address| {
        node.doorward
            .operator
            .create_user(&operator, new_user(name, address))
    };
    assert_err!(create(Some("BEN"), None).await, Error::UsernameTaken);
    assert_err!(
        create(None, Some("Ben@example.com")).await,
        Error::EmailTaken
    );
    assert_err!(create(None, None).await, Error::Invalid(_));
}

#[tokio::test]
async fn a_user_is_found_by_id_username_or_address() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    for named in [ben.id.to_string().as_str(), "BEN", "Ben@example.com"] {
        assert_eq!(
            node.doorward.operator.find_by_name(named).await.unwrap(),
            ben
        );
    }
    for named in ["nobody", "nobody@example.com", "no name", "me", ""] {
        assert_err!(
            node.doorward.operator.find_by_name(named).await,
            Error::NotFound
        );
    }
}

/// P-01: the rules are the same for the operator.
#[tokio::test]
async fn a_password_set_by_the_operator_follows_the_rules_and_ends_all_sessions() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    let operator = node.operator();
    let weak = node
        .doorward
        .passwords
        .set(&operator, "ben", &secret("password1"))
        .await;
    assert_err!(weak, Error::Invalid(fields) if fields[0].field == "password");
    node.check(&session).await.unwrap();
    node.doorward
        .passwords
        .set(&operator, "ben", &secret(OTHER_PASSWORD))
        .await
        .unwrap();
    assert_err!(node.check(&session).await, Error::InvalidToken);
    node.try_sign_in("ben", OTHER_PASSWORD).await.unwrap();
    assert_eq!(node.one_mail().await.kind, MailKind::PasswordChanged);
}

/// An unconfirmed sign-up keeps its pending address.
#[tokio::test]
async fn a_password_set_for_a_pending_user_keeps_the_address_pending() {
    let node = TestNode::new().await;
    let ben = node.pending("ben").await;
    node.mails().await;
    let id = ben.id.to_string();
    let (operator, new) = (node.operator(), secret(OTHER_PASSWORD));
    for enabled in [None, Some(false), Some(true)] {
        if let Some(enabled) = enabled {
            let doorward = &node.doorward;
            match enabled {
                true => doorward.admin.enable(&operator, &id, None).await.unwrap(),
                false => doorward.admin.disable(&operator, &id, None).await.unwrap(),
            };
        }
        node.doorward
            .passwords
            .set(&operator, &id, &new)
            .await
            .unwrap();
        let kept = node.stored_user(&ben).await;
        assert_ne!(kept.status, Status::Active);
        assert_eq!(kept.pending_email, ben.pending_email);
    }
}

/// L-01, Z-05: if the operator views a user, an audit event names that user.
#[tokio::test]
async fn viewing_a_user_by_the_operator_is_audited() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    node.clear_cache();
    let operator = node.operator();
    let seen = node
        .doorward
        .operator
        .view_by_name(&operator, "ben")
        .await
        .unwrap();
    assert_eq!(seen.id, ben.id);
    let lines = node.spy.take_audited();
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line.event.as_str(), line.actor.as_str(), line.user_id))
        .collect();
    assert_eq!(told, [("user-viewed", "command-line", Some(ben.id))]);
}
