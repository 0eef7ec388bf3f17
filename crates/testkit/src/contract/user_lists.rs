//! Lists of users: pages by id, filters, searches.

use std::sync::Arc;

use doorward_domain::changes::Change;
use doorward_domain::model::{AskedBy, EmailChange, Role, Status, User, UserFilter};
use doorward_domain::ports::Store;
use doorward_domain::values::{EmailAddress, Name, UserId};

use super::{insert, must};
use crate::fixtures::{self, later, now, without_data};

async fn ids(store: &dyn Store, filter: UserFilter) -> Vec<UserId> {
    let users = store.list_users(&filter).await.unwrap();
    users.into_iter().map(|user| user.id).collect()
}

fn page(after: Option<UserId>, limit: usize) -> UserFilter {
    UserFilter {
        after,
        limit,
        ..UserFilter::default()
    }
}

fn search(text: &str) -> UserFilter {
    UserFilter {
        text: Some(text.to_owned()),
        limit: 100,
        ..UserFilter::default()
    }
}

pub async fn users_come_in_pages(store: Arc<dyn Store>) {
    let mut users = Vec::new();
    for _ in 0..7 {
        let user = fixtures::user();
        insert(&*store, &user).await;
        users.push(user.id);
    }
    assert_eq!(ids(&*store, page(None, 3)).await, users[..3]);
    assert_eq!(ids(&*store, page(Some(users[2]), 3)).await, users[3..6]);
    assert_eq!(ids(&*store, page(Some(users[5]), 3)).await, users[6..]);
    assert_eq!(ids(&*store, page(Some(users[6]), 3)).await, []);
    assert_eq!(ids(&*store, page(None, 7)).await, users);
    assert_eq!(ids(&*store, page(None, 0)).await, []);
}

/// No one is shown twice and no one who was there all the time is left out.
pub async fn pages_hold_while_users_come_and_go(store: Arc<dyn Store>) {
    let mut users = Vec::new();
    for _ in 0..6 {
        users.push(fixtures::user());
    }
    for number in [5, 0, 3, 1, 4] {
        insert(&*store, &users[number]).await;
    }
    assert_eq!(
        ids(&*store, page(None, 2)).await,
        [users[0].id, users[1].id]
    );
    must(
        &*store,
        vec![
            Change::DeleteUser(users[1].id),
            Change::DeleteUser(users[3].id),
        ],
    )
    .await;
    insert(&*store, &users[2]).await;
    assert_eq!(
        ids(&*store, page(Some(users[1].id), 2)).await,
        [users[2].id, users[4].id]
    );
    assert_eq!(
        ids(&*store, page(Some(users[4].id), 2)).await,
        [users[5].id]
    );
}

/// As many as a small company's worth: each of those who were there all the time is shown once,
/// and nobody twice.
pub async fn ten_thousand_users_are_paged_through_once(store: Arc<dyn Store>) {
    const PAGE: usize = 500;
    let mut users: Vec<User> = (0..10_000).map(|_| fixtures::user()).collect();
    users.sort_unstable_by_key(|user| user.id);
    for batch in users.chunks(PAGE) {
        let insert = |user: &User| Change::InsertUser(Box::new(user.clone()));
        must(&*store, batch.iter().map(insert).collect()).await;
    }
    let mut gone = Vec::new();
    let mut seen: Vec<UserId> = Vec::new();
    loop {
        let shown = ids(&*store, page(seen.last().copied(), PAGE)).await;
        seen.extend(&shown);
        if shown.len() < PAGE {
            break;
        }
        // One who was shown goes, one who was not yet, and one comes.
        let place = users.partition_point(|user| Some(&user.id) <= seen.last());
        let mut changes = vec![Change::InsertUser(Box::new(fixtures::user()))];
        for place in [place - 7, place + 7] {
            if let Some(user) = users.get(place) {
                changes.push(Change::DeleteUser(user.id));
                gone.push(user.id);
            }
        }
        must(&*store, changes).await;
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "nobody is shown twice");
    for user in &users {
        let is_shown = seen.binary_search(&user.id).is_ok();
        assert!(
            is_shown || gone.contains(&user.id),
            "{} is left out",
            user.id
        );
    }
}

pub async fn a_search_ignores_letter_case(store: Arc<dyn Store>) {
    let user = User {
        username: Some(fixtures::username("Ärger")),
        email: Some(fixtures::address("Lady.Lovelace@Example.com")),
        pending_email: Some(fixtures::address("Next@Example.org")),
        name: Some(Name::parse("Ada ÉCLAIR 🦊").unwrap()),
        ..fixtures::user()
    };
    insert(&*store, &user).await;
    insert(&*store, &fixtures::pending_user()).await;
    for text in [
        "ärger",
        "ÄRG",
        "lovelace@",
        "LADY",
        "next@example.ORG",
        "ada éclair",
        "Éclair 🦊",
        "ADA",
    ] {
        assert_eq!(ids(&*store, search(text)).await, [user.id], "{text}");
    }
    for text in [
        "arger",
        "eclair",
        "ärger\nlady",
        "rger lady",
        "\0",
        "lovelace  ",
    ] {
        assert_eq!(ids(&*store, search(text)).await, [], "{text:?}");
    }
    assert_eq!(ids(&*store, search("")).await.len(), 2);
}

pub async fn a_search_takes_signs_literally(store: Arc<dyn Store>) {
    let mut named = Vec::new();
    for name in [
        "100% sure",
        "100 sure",
        "a_b",
        "axb",
        "wow!",
        "wow",
        "back\\slash",
        "it's \"quoted\"",
        "star*",
    ] {
        let user = User {
            name: Some(Name::parse(name).unwrap()),
            ..fixtures::pending_user()
        };
        insert(&*store, &user).await;
        named.push((name, user.id));
    }
    let of = |wanted: &str| named.iter().find(|(name, _)| *name == wanted).unwrap().1;
    for (text, wanted) in [
        ("0% s", "100% sure"),
        ("A_B", "a_b"),
        ("wow!", "wow!"),
        ("k\\s", "back\\slash"),
        ("'s \"q", "it's \"quoted\""),
        ("r*", "star*"),
    ] {
        assert_eq!(ids(&*store, search(text)).await, [of(wanted)], "{text}");
    }
    assert_eq!(ids(&*store, search("%")).await, [of("100% sure")]);
    assert_eq!(ids(&*store, search("100%sure")).await, []);
    assert_eq!(ids(&*store, search("!%")).await, []);
}

pub async fn filters_go_together(store: Arc<dyn Store>) {
    let mut users = Vec::new();
    for (role, status) in [
        (Role::User, Status::Active),
        (Role::Admin, Status::Active),
        (Role::User, Status::Disabled),
        (Role::Admin, Status::Disabled),
        (Role::User, Status::Active),
    ] {
        let user = User {
            role,
            status,
            ..fixtures::user()
        };
        insert(&*store, &user).await;
        users.push(user.id);
    }
    let all = || page(None, 100);
    let active = UserFilter {
        status: Some(Status::Active),
        ..all()
    };
    assert_eq!(
        ids(&*store, active.clone()).await,
        [users[0], users[1], users[4]]
    );
    let admins = UserFilter {
        role: Some(Role::Admin),
        ..all()
    };
    assert_eq!(ids(&*store, admins).await, [users[1], users[3]]);
    let every = UserFilter {
        role: Some(Role::User),
        after: Some(users[0]),
        text: Some("BÉN".to_owned()),
        ..active
    };
    assert_eq!(ids(&*store, every).await, [users[4]]);
}

pub async fn claims_on_an_address_come_newest_first(store: Arc<dyn Store>) {
    let address = fixtures::email();
    let mut claimants = Vec::new();
    for _ in 0..4 {
        let user = User {
            pending_email: Some(address.clone()),
            ..fixtures::pending_user()
        };
        insert(&*store, &user).await;
        claimants.push(user);
    }
    insert(&*store, &fixtures::pending_user()).await;
    claimants.reverse();
    let found = store
        .list_users_by_pending_email(address.key(), now(), 3)
        .await
        .unwrap();
    let newest: Vec<_> = claimants[..3].iter().map(without_data).collect();
    assert_eq!(found, newest);
    claimants.reverse();
    let oldest = store.list_claims(address.key(), now(), None, 3);
    let oldest = oldest.await.unwrap();
    assert_eq!(oldest, claimants[..3]);
    let rest = store
        .list_claims(address.key(), now(), Some(oldest[2].id), 3)
        .await
        .unwrap();
    assert_eq!(rest, claimants[3..]);
}

/// a change of address that was asked for at that moment, or before it, is no claim any more.
pub async fn an_ended_change_of_address_is_no_claim(store: Arc<dyn Store>) {
    let address = fixtures::email();
    let claimant = |status, email: Option<EmailAddress>, asked_at: Option<i64>| User {
        status,
        email,
        pending_email: Some(address.clone()),
        email_change: asked_at.map(|at| EmailChange {
            asked_at: later(at),
            asked_by: AskedBy::Owner,
        }),
        ..fixtures::pending_user()
    };
    let (active, email) = (Status::Active, || Some(fixtures::email()));
    let ended = [
        claimant(active, email(), Some(9)),
        claimant(active, None, Some(10)),
        claimant(active, email(), None),
    ];
    let claims = [
        claimant(active, email(), Some(11)),
        claimant(active, None, None),
        claimant(Status::Pending, None, None),
        claimant(Status::Disabled, email(), Some(9)),
    ];
    for user in ended.iter().chain(&claims) {
        insert(&*store, user).await;
    }
    let since = later(10);
    let found = store.list_claims(address.key(), since, None, 9).await;
    assert_eq!(found.unwrap(), claims);
    let found = store.list_users_by_pending_email(address.key(), since, 2);
    let newest = [&claims[3], &claims[2]].map(without_data);
    assert_eq!(found.await.unwrap(), newest);
}

pub async fn pending_users_end_at_the_edge(store: Arc<dyn Store>) {
    let made_at = |at: i64, status| User {
        created_at: later(at),
        status,
        ..fixtures::pending_user()
    };
    let older = made_at(9, Status::Pending);
    for user in [
        &older,
        &made_at(10, Status::Pending),
        &made_at(1, Status::Active),
    ] {
        insert(&*store, user).await;
    }
    let found = store
        .list_pending_users_before(later(10), 10)
        .await
        .unwrap();
    assert_eq!(found, [older.id]);
    assert_eq!(
        store
            .list_pending_users_before(later(11), 10)
            .await
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        store
            .list_pending_users_before(later(11), 1)
            .await
            .unwrap()
            .len(),
        1
    );
}
