//! Authorization of every method that acts on a user: anonymous, as another user, as the user, as an admin.

use doorward_domain::keys::KeysError;
use doorward_domain::model::{AuditFilter, InvitationStatus, MailFilter, UserFilter};
use doorward_domain::totals::TotalsRange;
use doorward_domain::users::ProfileUpdate;
use doorward_domain::values::{Data, FactorName, JobId, Role, TimeUnit};
use doorward_domain::{Ctx, Error};

use crate::test_node::*;

/// Every method that acts on `{user}`, and whether users may call it for their own account.
const ACTIONS: [(&str, bool); 38] = [
    ("view", true),
    ("export", true),
    ("update", true),
    ("view activity", true),
    ("change e-mail", true),
    ("cancel a change of the e-mail", true),
    ("delete", true),
    ("request the deletion", true),
    ("cancel the deletion", false),
    ("list sessions", true),
    ("end a session", true),
    ("end sessions", true),
    ("change role", false),
    ("disable", false),
    ("enable", false),
    ("list users", false),
    ("read audit", false),
    ("download audit", false),
    ("audit status", false),
    ("find audited user", false),
    ("list totals", false),
    ("list nodes", false),
    ("list mails", false),
    ("find the users of mails", false),
    ("view a mail", false),
    ("retry a mail", false),
    ("delete a mail", false),
    ("send a test mail", false),
    ("list keys", false),
    ("rotate the keys", false),
    ("list factors", true),
    ("remove a factor", true),
    ("add a factor", true),
    ("invite", false),
    ("resend an invitation", false),
    ("revoke an invitation", false),
    ("list invitations", false),
    ("renew recovery codes", true),
];

/// Actions on the actor's own account only: an admin does them for no one else.
const OWN_ONLY: [&str; 2] = ["add a factor", "renew recovery codes"];

async fn call(node: &TestNode, action: &str, ctx: &Ctx, named: &str) -> Result<(), Error> {
    let doorward = &node.doorward;
    let shown = proof(PASSWORD);
    match action {
        "view" => doorward.profile.view(ctx, named).await.map(|_| ()),
        "export" => doorward
            .personal_export
            .export(ctx, named)
            .await
            .map(|_| ()),
        "update" => {
            let update = ProfileUpdate::Replace {
                name: None,
                data: Data::default(),
                locale: None,
            };
            doorward
                .profile
                .update(ctx, named, &update, None)
                .await
                .map(|_| ())
        }
        "change e-mail" => {
            let new = email(&format!("{named}.new@example.com"));
            change_email(doorward, ctx, named, &new, Some(&shown), None).await
        }
        // Authorized, but no change is pending.
        "cancel a change of the e-mail" => {
            not_found_is_ok(doorward.email_change.cancel_change(ctx, named, None).await)
        }
        "view activity" => {
            let activity = doorward.activity.activity(ctx, named, None, 1);
            activity.await.map(|_| ())
        }
        "delete" => doorward.deletion.delete(ctx, named, None).await.map(|_| ()),
        "request the deletion" => {
            let requested = doorward.deletion.request(ctx, named, None, None);
            requested.await.map(|_| ())
        }
        // Authorized, but no deletion is pending.
        "cancel the deletion" => {
            let cancelled = doorward.deletion.cancel(ctx, named, None).await;
            not_found_is_ok(cancelled.map(|_| ()))
        }
        "list sessions" => doorward.sessions.list(ctx, named).await.map(|_| ()),
        // Authorized, but the session does not exist.
        "end a session" => {
            not_found_is_ok(doorward.sessions.revoke(ctx, named, "no session").await)
        }
        "end sessions" => doorward.sessions.revoke_all(ctx, named).await,
        "change role" => doorward
            .admin
            .change_role(ctx, named, Role::User, None)
            .await
            .map(|_| ()),
        "disable" => doorward.admin.disable(ctx, named, None).await.map(|_| ()),
        "enable" => doorward.admin.enable(ctx, named, None).await.map(|_| ()),
        "list users" => doorward
            .user_list
            .list_users(ctx, &UserFilter::default())
            .await
            .map(|_| ()),
        "read audit" => {
            let filter = AuditFilter::default();
            doorward.audit.list(ctx, &filter).await.map(|_| ())
        }
        "download audit" => doorward.audit.start_download(ctx).await,
        "audit status" => doorward.audit.status(ctx).await.map(|_| ()),
        "find audited user" => doorward.audit.find_user_id(ctx, named).await.map(|_| ()),
        "list totals" => {
            let range = TotalsRange::new(TimeUnit::Hour, None, None, ctx.now)?;
            doorward.totals.list(ctx, &range).await.map(|_| ())
        }
        "list nodes" => doorward.nodes.list(ctx).await.map(|_| ()),
        "list mails" => {
            let filter = MailFilter::default();
            doorward.unsent_mails.list(ctx, &filter).await.map(|_| ())
        }
        "find the users of mails" => doorward.unsent_mails.users_of(ctx, &[]).await.map(|_| ()),
        // Authorized, but the mail does not exist.
        "view a mail" => {
            not_found_is_ok(doorward.unsent_mails.view(ctx, no_mail()).await.map(|_| ()))
        }
        "retry a mail" => not_found_is_ok(
            doorward
                .unsent_mails
                .retry(ctx, no_mail())
                .await
                .map(|_| ()),
        ),
        "delete a mail" => not_found_is_ok(doorward.unsent_mails.delete(ctx, no_mail()).await),
        "send a test mail" => doorward.unsent_mails.send_test(ctx).await.map(|_| ()),
        "list keys" => doorward.keys.view(ctx).await.map(|_| ()),
        "rotate the keys" => {
            let rotated = doorward.keys.rotate(ctx).await;
            rotated.map(drop).map_err(KeysError::logged)
        }
        "list factors" => doorward.factors.list(ctx, named).await.map(|_| ()),
        "add a factor" => {
            let name = FactorName::default();
            doorward
                .factor_enrolment
                .begin(ctx, named, &name)
                .await
                .map(|_| ())
        }
        "invite" => {
            let wanted = invited(None, Some("fay@example.com"), Role::User);
            doorward.invitations.invite(ctx, wanted).await.map(|_| ())
        }
        // Authorized, but the user was not invited.
        "resend an invitation" => {
            let resent = doorward.invitations.resend(ctx, named).await;
            not_found_is_ok(resent.map(|_| ()))
        }
        "revoke an invitation" => not_found_is_ok(doorward.invitations.revoke(ctx, named).await),
        "list invitations" => {
            let status = InvitationStatus::Pending;
            let listed = doorward.invitations.list(ctx, status, None, 1);
            listed.await.map(|_| ())
        }
        // Authorized, but the user has no factor.
        "remove a factor" => not_found_is_ok(
            doorward
                .factor_removal
                .remove(ctx, named, "no factor")
                .await,
        ),
        _ => {
            let renewed = doorward
                .factor_enrolment
                .renew_recovery_codes(ctx, named)
                .await;
            not_found_is_ok(renewed.map(|_| ()))
        }
    }
}

/// The id of no mail.
fn no_mail() -> JobId {
    JobId::from_bytes([0; 16])
}

fn not_found_is_ok(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(Error::NotFound) => Ok(()),
        other => other,
    }
}

#[tokio::test]
async fn an_anonymous_client_is_allowed_nothing() {
    let node = TestNode::new().await;
    node.active("ben").await;
    node.audited();
    for (action, _) in ACTIONS {
        for named in ["ben", "me", "unknown"] {
            let refused = call(&node, action, &node.anonymous(), named).await;
            assert!(
                matches!(refused, Err(Error::AuthenticationRequired)),
                "{action}: {refused:?}"
            );
        }
    }
    assert!(node.audited().is_empty());
}

/// Z-02, T-IDOR: the error is 403, whether or not the user exists. L-01: each refusal has one audit event.
#[tokio::test]
async fn a_user_cannot_act_on_another_or_a_missing_user() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    node.active("eve").await;
    let session = node.sign_in("eve").await;
    node.audited();
    for (action, _) in ACTIONS {
        let bens_id = ben.id.to_string();
        for named in ["ben", "BEN", bens_id.as_str(), "unknown"] {
            let refused = call(&node, action, &node.of(&session), named).await;
            assert!(
                matches!(refused, Err(Error::Forbidden)),
                "{action} {named}: {refused:?}"
            );
            let lines = node.audited();
            node.advance(minutes(1));
            assert_eq!(lines.len(), 1, "{action}: {lines:?}");
            assert!(lines[0].starts_with("forbidden!"), "{lines:?}");
        }
    }
    assert_eq!(node.stored_user(&ben).await, ben);
}

#[tokio::test]
async fn a_user_can_act_on_their_own_account_by_each_identifier() {
    for (action, own_suffices) in ACTIONS {
        for by in ["me", "name", "Name", "id"] {
            let node = TestNode::new().await;
            let ben = node.active("ben").await;
            let session = node.sign_in("ben").await;
            let id = ben.id.to_string();
            let named = match by {
                "me" => "me",
                "name" => "ben",
                "Name" => "Ben",
                _ => &id,
            };
            let told = call(&node, action, &node.of(&session), named).await;
            match own_suffices {
                true => assert!(told.is_ok(), "{action} {named}: {told:?}"),
                false => assert!(matches!(told, Err(Error::Forbidden)), "{action}: {told:?}"),
            }
        }
    }
}

#[tokio::test]
async fn an_admin_may_act_on_every_user() {
    for (action, _) in ACTIONS {
        let node = TestNode::new().await;
        node.admin("ada").await;
        node.active("ben").await;
        let session = node.sign_in("ada").await;
        let told = call(&node, action, &node.of(&session), "ben").await;
        if OWN_ONLY.contains(&action) {
            assert!(matches!(told, Err(Error::Forbidden)), "{action}: {told:?}");
            continue;
        }
        assert!(told.is_ok(), "{action}: {told:?}");
        if ![
            "remove a factor",
            "list users",
            "read audit",
            "download audit",
            "audit status",
            "find audited user",
            "list totals",
            "list nodes",
            "list mails",
            "find the users of mails",
            "view a mail",
            "retry a mail",
            "delete a mail",
            "send a test mail",
            "list keys",
            "rotate the keys",
            "end a session",
            "cancel a change of the e-mail",
            "cancel the deletion",
            "invite",
            "resend an invitation",
            "revoke an invitation",
            "list invitations",
        ]
        .contains(&action)
        {
            let missing = call(&node, action, &node.of(&session), "unknown").await;
            assert!(
                matches!(missing, Err(Error::NotFound)),
                "{action}: {missing:?}"
            );
        }
    }
}

/// Z-06: an action is refused even if the audit event of the refusal cannot be written.
#[tokio::test]
async fn a_refusal_that_cannot_be_audited_is_still_a_refusal() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    node.active("eve").await;
    let session = node.sign_in("eve").await;
    node.spy.fail("apply");
    for (action, _) in ACTIONS {
        let refused = call(&node, action, &node.of(&session), "ben").await;
        assert!(
            matches!(refused, Err(Error::Store(_))),
            "{action}: {refused:?}"
        );
    }
    assert_eq!(node.stored_user(&ben).await, ben);
}
