//! Several who claim one address: which of them are mailed, who confirms, and what becomes of the others.

use std::collections::BTreeSet;

use doorward_domain::Error;
use doorward_domain::flows::confirm::{AccountPassword, Claims};
use doorward_domain::model::{Event, Purpose, Status, User};
use doorward_domain::ports::Store;

use crate::world::*;

/// whoever claims an address so often that its owner's own mail is crowded out gains nothing: a
/// link then takes the password of its sign-up, which the owner has for theirs alone. All claims fall away.
#[tokio::test]
async fn many_claims_to_an_address_do_not_make_its_owner_confirm_a_strangers() {
    let world = World::new().await;
    let claim = |name: String, shown: &str| {
        let mut wanted = sign_up(Some(&name), Some("ben@example.com"));
        wanted.password = new_password(shown);
        wanted
    };
    let mut strangers = Vec::new();
    for number in 0..50 {
        let wanted = claim(format!("eve{number}"), OTHER_PASSWORD);
        strangers.push(world.try_sign_up(wanted).await.unwrap());
        world.advance(seconds(1));
    }
    world.mails().await;
    let wanted = claim("ben".to_owned(), PASSWORD);
    let ben = world.try_sign_up(wanted).await.unwrap();
    assert!(world.mails().await.is_empty(), "the mailbox has had enough");
    let (accounts, anon) = (&world.accounts, world.anon());
    let address = email("ben@example.com");
    let asked = accounts.request_confirmation(&anon, &address);
    asked.await.unwrap();
    let mails = world.mails().await;
    assert_eq!(mails.len(), 3);
    let own = password(PASSWORD);
    for mail in &mails {
        let (link, is_own) = (token_in(mail), mail.username.as_deref() == Some("ben"));
        let viewed = accounts.view_confirmation(&anon, &link).await.unwrap();
        let asks = accounts.asks_password(&viewed).await.unwrap();
        assert_eq!(asks, AccountPassword::Asked);
        assert_err!(accounts.confirm(&anon, &link).await, Error::Invalid(faults) if faults[0].field == "password");
        if !is_own {
            let shown = accounts.confirm_with_password(&anon, &link, Some(&own));
            assert_err!(shown.await, Error::InvalidCredentials);
        }
    }
    let link = mails
        .iter()
        .find(|mail| mail.username.as_deref() == Some("ben"))
        .map(token_in)
        .expect("the newest is among them");
    let confirmed = accounts.confirm_with_password(&anon, &link, Some(&own));
    assert_eq!(confirmed.await.unwrap().id, ben.id);
    for stranger in &strangers {
        assert_eq!(world.kept(stranger).await, None);
    }
}

/// a thief moves an account of theirs to somebody's address, and has the link that takes it back. Whoever
/// signs up with that address does not take that account for their own: its password is asked for.
#[tokio::test]
async fn nobody_takes_anothers_account_for_their_own_sign_up() {
    for owner_confirms in [OTHER_PASSWORD, PASSWORD] {
        let world = World::new().await;
        let eve = world.active("eve").await;
        let session = world.sign_in("eve").await;
        let (address, shown) = (email("ben@example.com"), password(PASSWORD));
        let (accounts, anon) = (&world.accounts, world.anon());
        let ctx = world.of(&session);
        let asked = accounts.change_email(&ctx, "me", &address, Some(&shown), None);
        asked.await.unwrap();
        let mails = world.mails().await;
        let moving = mails.iter().find(|mail| mail.to == address);
        let moving = token_in(moving.expect("the new address is asked"));
        let viewed = accounts.view_confirmation(&anon, &moving).await.unwrap();
        let asks = accounts.asks_password(&viewed).await.unwrap();
        assert_eq!(asks, AccountPassword::NotAsked, "nobody else claims it");
        let mut wanted = sign_up(Some("ben"), Some("ben@example.com"));
        wanted.password = new_password(OTHER_PASSWORD);
        let ben = world.try_sign_up(wanted).await.unwrap();
        let own = token_in(&world.one_mail().await);
        assert_err!(accounts.confirm(&anon, &moving).await, Error::Invalid(faults) if faults[0].field == "password");
        let given = password(owner_confirms);
        let moved = accounts
            .confirm_with_password(&anon, &moving, Some(&given))
            .await;
        if owner_confirms == OTHER_PASSWORD {
            assert_err!(moved, Error::InvalidCredentials);
            // The sign-up needs no more than its link.
            accounts.confirm(&anon, &own).await.unwrap();
            assert_eq!(world.kept_user(&ben).await.email, Some(address));
        } else {
            assert_eq!(moved.unwrap().id, eve.id);
            assert_eq!(world.kept(&ben).await, None);
        }
        world.mails().await;
    }
}

/// the first to confirm has the address; the other claims fall away.
#[tokio::test]
async fn the_first_to_confirm_has_the_address() {
    let world = World::new().await;
    let mut claims = Vec::new();
    for name in ["ben", "eve"] {
        let wanted = sign_up(Some(name), Some("ben@example.com"));
        let user = world.try_sign_up(wanted).await.unwrap();
        claims.push((user, token_in(&world.one_mail().await)));
    }
    let [(ben, bens), (eve, eves)] = &claims[..] else {
        panic!("two claims");
    };
    world.accounts.confirm(&world.anon(), bens).await.unwrap();
    assert_eq!(world.kept_user(ben).await.status, Status::Active);
    assert_eq!(world.kept(eve).await, None);
    let late = world.accounts.confirm(&world.anon(), eves).await;
    assert_err!(late, Error::LinkExpired);
    world.nameless_mailbox("eve").await;
}

/// Two people claim one address and click at once.
#[tokio::test]
async fn of_two_claims_confirmed_at_once_one_has_the_address() {
    let world = World::new().await;
    let mut tokens = Vec::new();
    for name in ["ben", "eve"] {
        let wanted = sign_up(Some(name), Some("ben@example.com"));
        world.try_sign_up(wanted).await.unwrap();
        tokens.push(token_in(&world.one_mail().await));
    }
    world.spy.give_way();
    let ctx = world.anon();
    let (one, other) = tokio::join!(
        world.accounts.confirm(&ctx, &tokens[0]),
        world.accounts.confirm(&ctx, &tokens[1])
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
}

/// at a confirmation all other sign-ups with the address fall away, however many, also where an
/// account that wants to move there stands among them.
#[tokio::test]
async fn all_other_claims_fall_away_however_many() {
    let world = World::with(|policy| policy.throttle = false).await;
    let mut movers = Vec::new();
    for number in 0..25 {
        let name = format!("mover{number}");
        world.active(&name).await;
        let session = world.sign_in(&name).await;
        let (new, shown) = (email("ben@example.com"), password(PASSWORD));
        let ctx = world.of(&session);
        let asked = world
            .accounts
            .change_email(&ctx, "me", &new, Some(&shown), None)
            .await;
        asked.unwrap();
        movers.push(session.user);
    }
    let mut claims = Vec::new();
    for number in 0..45 {
        let wanted = sign_up(Some(&format!("eve{number}")), Some("ben@example.com"));
        claims.push(world.try_sign_up(wanted).await.unwrap());
    }
    let ben = claims.swap_remove(20);
    let link = world
        .link(&ben, Purpose::Confirmation, "ben@example.com")
        .await;
    world.forget();
    let mut ctx = world.anon();
    ctx.client.address = Some([192, 0, 2, 7].into());
    world.accounts.confirm(&ctx, &link).await.unwrap();
    for claim in &claims {
        assert_eq!(world.kept(claim).await, None);
    }
    // L-01, L-05: each leaves the line by which the log forgets from where it came.
    let mut lines = world.spy.take_audited();
    lines.retain(|line| line.event == Event::SignUpSuperseded);
    let whose: BTreeSet<_> = lines.iter().filter_map(|line| line.user_id).collect();
    assert_eq!(whose, claims.iter().map(|claim| claim.id).collect());
    assert_eq!(lines.len(), claims.len());
    assert!(lines.iter().all(|line| line.address.is_none()));
    for mover in &movers {
        assert_eq!(world.kept_user(mover).await.status, Status::Active);
    }
}

/// R-09, H-05: whoever confirms waits for a bounded number of others; the rest can confirm nothing, and run out.
#[tokio::test]
async fn a_crowd_of_claims_holds_nobody_up() {
    let world = World::with(|policy| policy.throttle = false).await;
    let mut claims = Vec::new();
    for number in 0..260 {
        let wanted = sign_up(Some(&format!("eve{number}")), Some("ben@example.com"));
        claims.push(world.try_sign_up(wanted).await.unwrap());
    }
    let address = email("ben@example.com");
    let last = claims.last().unwrap();
    let of_last = world
        .link(last, Purpose::Confirmation, "ben@example.com")
        .await;
    let link = world
        .link(&claims[0], Purpose::Confirmation, "ben@example.com")
        .await;
    world.accounts.confirm(&world.anon(), &link).await.unwrap();
    let left = world
        .store
        .list_users_by_pending_email(address.key(), world.now(), 1000);
    assert_eq!(left.await.unwrap().len(), 260 - 1 - 20 - 200);
    let late = world.accounts.confirm(&world.anon(), &of_last).await;
    assert_err!(late, Error::LinkExpired);
    world.advance(hours(73));
    world.accounts.sweep(&world.worker()).await.unwrap();
    let left = world
        .store
        .list_users_by_pending_email(address.key(), world.now(), 1000);
    assert_eq!(left.await.unwrap(), []);
}

/// the page can say that an own sign-up may be another one.
#[tokio::test]
async fn it_is_known_whether_others_claim_the_address() {
    let world = World::new().await;
    let ben = world.pending("ben").await;
    let claims = world.accounts.claims_beside(&ben).await;
    assert_eq!(claims.unwrap(), Claims::One);
    let wanted = sign_up(None, Some("BEN@example.com"));
    world.try_sign_up(wanted).await.unwrap();
    let claims = world.accounts.claims_beside(&ben).await;
    assert_eq!(claims.unwrap(), Claims::Several);
}

/// a change of address that has ended takes no place among the claims: neither where the
/// confirmation is asked for again, nor where a page asks for the password or says that others wait, nor where
/// somebody who has not confirmed yet signs in by the address.
#[tokio::test]
async fn a_change_that_has_ended_is_no_claim() {
    let world = World::with(|policy| policy.throttle = false).await;
    let address = email("ben@example.com");
    let move_there = async |name: &str| {
        world.active(name).await;
        let session = world.sign_in(name).await;
        let (ctx, shown) = (world.of(&session), password(PASSWORD));
        let asked = world
            .accounts
            .change_email(&ctx, "me", &address, Some(&shown), None);
        asked.await.unwrap();
        world.mails().await;
    };
    for number in 0..3 {
        move_there(&format!("older{number}")).await;
    }
    world.advance(hours(1));
    let ben = world.pending("ben").await;
    world.mails().await;
    for number in 0..8 {
        move_there(&format!("newer{number}")).await;
    }
    let claims = async |user: &User| world.accounts.claims_beside(user).await.unwrap();
    assert_eq!(claims(&ben).await, Claims::Several);
    world.advance(hours(24));
    assert_eq!(claims(&ben).await, Claims::One);
    assert_err!(
        world.try_sign_in("ben@example.com", PASSWORD).await,
        Error::EmailUnconfirmed
    );
    let anon = world.anon();
    let asked = world.accounts.request_confirmation(&anon, &address);
    asked.await.unwrap();
    let mail = world.one_mail().await;
    assert_eq!(mail.username.as_deref(), Some("ben"));
    // Who moves here now shows no password for the sake of those.
    world
        .accounts
        .disown(&anon, &token_in(&mail))
        .await
        .unwrap();
    move_there("eve").await;
    let eve = world.accounts.find_named("eve").await.unwrap();
    let asks = world.accounts.asks_password(&eve).await.unwrap();
    assert_eq!(asks, AccountPassword::NotAsked);
}

/// one request to send the confirmation again is one letter, and a few more an hour.
#[tokio::test]
async fn many_claims_do_not_multiply_the_mails_of_a_request() {
    let world = World::new().await;
    let address = email("victim@example.com");
    for number in 0..25 {
        let wanted = sign_up(Some(&format!("ben{number}")), Some(address.as_str()));
        world.try_sign_up(wanted).await.unwrap();
        world.advance(seconds(1));
    }
    while !world.deliver().await.is_empty() {}
    world.postbox.take();
    let mut letters = Vec::new();
    for _ in 0..3 {
        let anon = world.anon();
        let asked = world.accounts.request_confirmation(&anon, &address).await;
        asked.unwrap();
        let sent = world.mails().await.len();
        assert!(sent > 0, "each request is answered by a letter");
        letters.push(sent);
        world.advance(minutes(3));
    }
    assert_eq!(letters, [3, 2, 1]);
}

/// a mail server that was away has used up none of the letters of a request.
#[tokio::test]
async fn tries_that_came_to_nothing_use_up_no_letters() {
    let world = World::new().await;
    let address = email("victim@example.com");
    for number in 0..25 {
        let wanted = sign_up(Some(&format!("ben{number}")), Some(address.as_str()));
        world.try_sign_up(wanted).await.unwrap();
        world.advance(seconds(1));
    }
    while !world.deliver().await.is_empty() {}
    world.postbox.take();
    let anon = world.anon();
    let asked = world.accounts.request_confirmation(&anon, &address).await;
    asked.unwrap();
    world.postbox.refuse(Some(Refusal::ForNow));
    for _ in 0..5 {
        assert_eq!(world.deliver().await.deferred, 3);
        world.advance(minutes(1));
    }
    world.postbox.refuse(None);
    assert_eq!(world.mails().await.len(), 3);
}

/// the mail server puts off one of the letters of a request. The others are mailed once, it is mailed later,
/// and none of them is charged for twice.
#[tokio::test]
async fn a_letter_that_is_put_off_is_tried_again_by_itself() {
    let world = World::new().await;
    let address = email("victim@example.com");
    let mut names = Vec::new();
    for number in 0..3 {
        let name = format!("ben{number}");
        let wanted = sign_up(Some(&name), Some(address.as_str()));
        world.try_sign_up(wanted).await.unwrap();
        names.push(name);
        world.advance(seconds(1));
    }
    while !world.deliver().await.is_empty() {}
    world.postbox.take();
    let ask = async || {
        let anon = world.anon();
        let asked = world.accounts.request_confirmation(&anon, &address);
        asked.await.unwrap();
    };
    world.postbox.put_off(Some("ben1"));
    ask().await;
    let mut mailed = Vec::new();
    for _ in 0..4 {
        mailed.extend(world.mails().await);
        assert_eq!(mailed.len(), 2);
        world.advance(seconds(30));
    }
    world.postbox.put_off(None);
    mailed.extend(world.mails().await);
    let mut told: Vec<_> = mailed
        .into_iter()
        .filter_map(|mail| mail.username)
        .collect();
    told.sort();
    assert_eq!(told, names);
    world.advance(minutes(3));
    ask().await;
    assert_eq!(
        world.mails().await.len(),
        2,
        "one of the further ones is left"
    );
}
