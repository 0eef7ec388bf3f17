//! Lists of users: pages by id, filters, searches.

use std::sync::Arc;

use doorward_domain::changes::Change;
use doorward_domain::model::{PendingEmail, Role, Status, User, UserFilter};
use doorward_domain::ports::Store;
use doorward_domain::values::{Name, UserId};

use super::{insert, must};
use crate::fixtures::{self, later, without_data};

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

/// No user is listed twice, and no user that existed all the time is omitted.
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

/// In a list of ten thousand users, each user that existed all the time is listed once, and none twice.
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
        // Deletes a user that was listed and one that was not yet, and inserts one.
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
    assert!(seen.is_sorted_by(|a, b| a < b), "no user is listed twice");
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
        pending_email: Some(fixtures::pending_email(fixtures::address(
            "Next@Example.org",
        ))),
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

pub async fn users_with_a_pending_address_come_newest_first(store: Arc<dyn Store>) {
    let address = fixtures::email();
    let mut users = Vec::new();
    for _ in 0..4 {
        let user = User {
            pending_email: Some(fixtures::pending_email(address.clone())),
            ..fixtures::pending_user()
        };
        insert(&*store, &user).await;
        users.push(user);
    }
    insert(&*store, &fixtures::pending_user()).await;
    users.reverse();
    let found = store.list_users_by_pending_email(address.key(), 3).await;
    let newest: Vec<_> = users[..3].iter().map(without_data).collect();
    assert_eq!(found.unwrap(), newest);
}

pub async fn pending_addresses_expire_at_the_edge(store: Arc<dyn Store>) {
    let requested_at = |at: i64| PendingEmail {
        requested_at: later(at),
        ..fixtures::pending_email(fixtures::email())
    };
    let user = |pending: Option<PendingEmail>| User {
        pending_email: pending,
        ..fixtures::user()
    };
    let older = user(Some(requested_at(9)));
    for user in [&older, &user(Some(requested_at(10))), &user(None)] {
        insert(&*store, user).await;
    }
    let list = |before, limit| store.list_expired_pending_emails(later(before), limit);
    assert_eq!(list(10, 10).await.unwrap(), [older.id]);
    assert_eq!(list(11, 10).await.unwrap().len(), 2);
    assert_eq!(list(11, 1).await.unwrap(), [older.id]);
}
