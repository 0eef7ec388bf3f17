//! Lists of users: pages by id, filters, searches.

use std::sync::Arc;

use doorward_domain::model::{
    PendingEmail, Role, SearchWord, Status, User, UserCursor, UserFilter,
};
use doorward_domain::store::{Records, Store, Write};
use doorward_domain::values::{Name, UserId};

use super::{delete, insert, must};
use crate::fixtures::{self, later, next_version, without_data};

async fn ids(store: &dyn Store, filter: UserFilter) -> Vec<UserId> {
    let users: Vec<User> = store.list(filter.query()).await.unwrap();
    users.into_iter().map(|user| user.id).collect()
}

fn page(after: Option<UserId>, limit: usize) -> UserFilter {
    UserFilter {
        after: after.map(UserCursor::User),
        limit,
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
    delete(&*store, &users[1]).await;
    delete(&*store, &users[3]).await;
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
    // The rows alone: search words have a test of their own.
    for batch in users.chunks(store.limits().writes.min(PAGE)) {
        must(&*store, batch.iter().map(Write::insert).collect()).await;
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
        let mut batch = fixtures::user().insert();
        for place in [place - 7, place + 7] {
            if let Some(user) = users.get(place) {
                batch.extend(user.delete(fixtures::now()));
                gone.push(user.id);
            }
        }
        must(&*store, batch).await;
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

/// Keys are read byte by byte, in pages, regardless of the collation of the database.
pub async fn words_are_found_by_their_beginnings(store: Arc<dyn Store>) {
    let mut users = Vec::new();
    for name in ["Ärger 100% back\\slash", "arger", "ÄRG 🦊", "Argon"] {
        let user = User {
            name: Some(Name::parse(name).unwrap()),
            ..fixtures::pending_user()
        };
        insert(&*store, &user).await;
        users.push(user.id);
    }
    let found = async |text: &str| -> Vec<UserId> {
        let [term] = SearchWord::terms(text).try_into().unwrap();
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = SearchWord::beginning_with(&term, after.as_deref()).limit(1);
            let page: Vec<SearchWord> = store.list(page).await.unwrap();
            let Some(word) = page.first() else {
                found.sort_unstable();
                return found;
            };
            found.push(word.user_id);
            after = Some(word.key());
        }
    };
    for (text, expected) in [
        ("ärg", vec![users[0], users[2]]),
        ("ÄRGER", vec![users[0]]),
        ("arg", vec![users[1], users[3]]),
        ("100%", vec![users[0]]),
        ("BACK\\", vec![users[0]]),
        ("🦊", vec![users[2]]),
        ("rger", vec![]),
        ("%", vec![]),
        ("arg_r", vec![]),
    ] {
        assert_eq!(found(text).await, expected, "{text}");
    }
    // A changed name has other words.
    let user: User = store.get(users[3]).await.unwrap().unwrap();
    let renamed = User {
        name: Some(Name::parse("Neon").unwrap()),
        ..next_version(&user)
    };
    must(&*store, renamed.replace(&user)).await;
    assert_eq!(found("arg").await, [users[1]]);
    assert_eq!(found("neon").await, [users[3]]);
    delete(&*store, &renamed).await;
    assert_eq!(found("neon").await, []);
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
        after: Some(UserCursor::User(users[0])),
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
    let newest_first = User::with_pending_email(address.key()).limit(3);
    let found = store.list_readable::<User>(newest_first).await;
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
    let list = async |before, limit| -> Vec<UserId> {
        let expired = User::pending_before(later(before)).limit(limit);
        let expired: Vec<User> = store.list(expired).await.unwrap();
        expired.iter().map(|user| user.id).collect()
    };
    assert_eq!(list(10, 10).await, [older.id]);
    assert_eq!(list(11, 10).await.len(), 2);
    assert_eq!(list(11, 1).await, [older.id]);
}
