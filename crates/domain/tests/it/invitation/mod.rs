//! Invitations: an admin creates a pending user, who accepts with a link and chooses a password.

mod accepting;
mod inviting;
mod sweeping;

use doorward_domain::invitation::{Acceptance, Invited, NewInvitation};
use doorward_domain::model::{InvitationDelivery, InvitationStatus, User};
use doorward_domain::sessions::SignedIn;
use doorward_domain::sign_up::CompletedSignUp;
use doorward_domain::values::{Role, Token};
use doorward_domain::{Ctx, Error};

use crate::test_node::*;

const ADDRESS: &str = "ben@example.com";

/// A node with the admin Ada, and her session.
async fn with_admin() -> (TestNode, SignedIn) {
    let node = TestNode::new().await;
    node.admin("ada").await;
    let session = node.sign_in("ada").await;
    node.mails().await;
    node.audited();
    (node, session)
}

async fn invite(node: &TestNode, ctx: &Ctx, wanted: NewInvitation) -> Result<Invited, Error> {
    node.doorward.invitations.invite(ctx, wanted).await
}

fn by_mail() -> NewInvitation {
    invited(None, Some(ADDRESS), Role::User)
}

fn by_link() -> NewInvitation {
    NewInvitation {
        delivery: Some(InvitationDelivery::Link),
        ..invited(Some("ben"), Some(ADDRESS), Role::User)
    }
}

/// Ben, whom Ada has invited by mail, and the link.
async fn mailed(node: &TestNode, ada: &SignedIn) -> (User, Token) {
    let invited = invite(node, &node.of(ada), by_mail()).await.unwrap();
    assert!(invited.url.is_none());
    (invited.user, token_in(&node.one_mail().await))
}

/// Ben, whom Ada has invited by a link that she passes on.
async fn shown(node: &TestNode, ada: &SignedIn) -> (User, Token) {
    let invited = invite(node, &node.of(ada), by_link()).await.unwrap();
    let link = token_of(&invited);
    (invited.user, link)
}

fn token_of(invited: &Invited) -> Token {
    let url = invited.url.as_ref().unwrap().expose();
    let token = url.strip_prefix("https://accounts.example/invitation/");
    Token::parse(token.unwrap()).unwrap()
}

async fn try_accept(node: &TestNode, link: &Token, shown: &str) -> Result<CompletedSignUp, Error> {
    let acceptance = Acceptance {
        password: secret(shown),
        name: None,
    };
    let service = &node.doorward.invitation_acceptance;
    service.accept(&node.anonymous(), link, &acceptance).await
}

async fn accept(node: &TestNode, link: &Token) -> User {
    let accepted = try_accept(node, link, PASSWORD).await.unwrap();
    accepted.user().clone()
}

async fn assert_void(node: &TestNode, link: &Token) {
    let (ctx, service) = (node.anonymous(), &node.doorward.invitation_acceptance);
    assert_err!(service.view(&ctx, link).await, Error::LinkExpired);
    assert_err!(try_accept(node, link, PASSWORD).await, Error::LinkExpired);
}

async fn resend(node: &TestNode, ctx: &Ctx, user: &User) -> Result<Invited, Error> {
    let named = user.id.to_string();
    node.doorward.invitations.resend(ctx, &named).await
}

async fn demote_ada(node: &TestNode) -> Result<User, Error> {
    let (ctx, admin) = (node.operator(), &node.doorward.admin);
    admin.change_role(&ctx, "ada", Role::User, None).await
}

async fn sweep(node: &TestNode) {
    let housekeeping = &node.doorward.housekeeping;
    housekeeping.sweep(&node.worker()).await.unwrap();
}

async fn listed(node: &TestNode, status: InvitationStatus) -> Vec<User> {
    let (ctx, service) = (node.operator(), &node.doorward.invitations);
    service.list(&ctx, status, None, 10).await.unwrap()
}
