//! Lists: the order of an index, ranges, conditions, pages, Unicode.

use std::sync::Arc;

use doorward_domain::model::{
    Credential, CredentialKind, EndedSession, LastSignIn, SearchWord, SigningKey, Status, User,
    UserCursor, UserFilter,
};
use doorward_domain::store::{Condition, Order, Query, Records, Store, Write};
use doorward_domain::values::{CredentialId, Name, Role, Secret, UserId};

use super::{apply_ok, delete, insert, users_at_once};
use crate::fixtures::{self, later, next_version};

pub async fn an_index_orders_and_limits(store: Arc<dyn Store>) {
    let keys: Vec<_> = (1..=9)
        .map(|position| SigningKey {
            position,
            retired_at: (position % 2 == 0).then(|| later(position)),
            ..fixtures::signing_key()
        })
        .collect();
    let shuffled = [3, 8, 1, 6, 0, 7, 2, 5, 4].map(|index| Write::insert(&keys[index]));
    apply_ok(&*store, shuffled.into()).await;
    let by_position = || Query::by::<SigningKey>(&["position"]);
    let cases = [
        (by_position(), vec![1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (by_position().descending().limit(2), vec![9, 8]),
        (by_position().above(7), vec![8, 9]),
        (by_position().at_most(2), vec![1, 2]),
        (by_position().above(2).at_most(5).limit(2), vec![3, 4]),
        (by_position().equal(4), vec![4]),
        (
            by_position()
                .only(Condition::is_null("retired_at"))
                .limit(3),
            vec![1, 3, 5],
        ),
        (by_position().limit(0), vec![]),
    ];
    for (query, expected) in cases {
        let listed: Vec<SigningKey> = store.list(query.clone()).await.unwrap();
        let positions: Vec<_> = listed.iter().map(|key| key.position).collect();
        assert_eq!(positions, expected, "{query:?}");
    }
}

/// Rows with the same value are ordered by their keys, in the same direction.
pub async fn rows_of_one_owner_are_ordered_by_key(store: Arc<dyn Store>) {
    let (owner, other) = (fixtures::user_id(), fixtures::user_id());
    let ended: Vec<_> = (0..6)
        .map(|number| EndedSession {
            id: fixtures::session_id(),
            user_id: if number % 2 == 0 { owner } else { other },
            ends_at: later(number),
        })
        .collect();
    let written = ended.iter().rev();
    apply_ok(&*store, written.map(Write::insert).collect()).await;
    let mut theirs: Vec<_> = ended.into_iter().step_by(2).collect();
    theirs.sort_by_key(|one| one.id);
    let query = Query::by::<EndedSession>(&["user_id"]).equal(owner);
    let listed: Vec<EndedSession> = store.list(query.clone()).await.unwrap();
    assert_eq!(listed, theirs);
    let first: Vec<EndedSession> = store.list(query.clone().limit(2)).await.unwrap();
    assert_eq!(first, theirs[..2]);
    theirs.reverse();
    let listed: Vec<EndedSession> = store.list(query.descending()).await.unwrap();
    assert_eq!(listed, theirs);
}

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

/// In a list of many users, each user that existed all the time is listed once, and none twice. There are ten thousand,
/// or fewer on a store with small batches, which takes longer to fill.
pub async fn many_users_are_paged_through_once(store: Arc<dyn Store>) {
    const PAGE: usize = 500;
    let number = (50 * users_at_once(&*store)).min(10_000);
    let mut users: Vec<User> = (0..number).map(|_| fixtures::user()).collect();
    users.sort_unstable_by_key(|user| user.id);
    // The rows alone: search words have a test of their own.
    for batch in users.chunks(users_at_once(&*store).min(PAGE)) {
        apply_ok(&*store, batch.iter().map(Write::insert).collect()).await;
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
        apply_ok(&*store, batch).await;
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
            let page =
                SearchWord::beginning_with(&term, after.as_deref(), Order::Ascending).limit(1);
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
    apply_ok(&*store, renamed.replace(&user)).await;
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
    let newest = UserFilter {
        order: Order::Descending,
        ..active.clone()
    };
    assert_eq!(
        ids(&*store, newest.clone()).await,
        [users[4], users[1], users[0]]
    );
    let older = UserFilter {
        after: Some(UserCursor::User(users[4])),
        ..newest
    };
    assert_eq!(ids(&*store, older).await, [users[1], users[0]]);
    let every = UserFilter {
        order: Order::Descending,
        ..page(Some(users[2]), 1)
    };
    assert_eq!(ids(&*store, every).await, [users[1]]);
    let every = UserFilter {
        role: Some(Role::User),
        after: Some(UserCursor::User(users[0])),
        ..active
    };
    assert_eq!(ids(&*store, every).await, [users[4]]);
}

/// Lists of the console that read another record than the users: last sign-ins by their time, and sets of factors.
pub async fn last_sign_ins_and_factors_are_listed_in_their_order(store: Arc<dyn Store>) {
    let mut users = Vec::new();
    for at in [3, 1, 2, 2] {
        let user = fixtures::user();
        insert(&*store, &user).await;
        let last = LastSignIn {
            user_id: user.id,
            at: later(at),
        };
        let set = Credential {
            id: CredentialId::of_factor_set(user.id),
            kind: CredentialKind::FactorSet,
            ..Credential::password(user.id, Secret::new("{}".to_owned()), later(0))
        };
        store
            .apply(vec![Write::insert(&last), Write::insert(&set)])
            .await
            .unwrap();
        users.push((later(at), user.id));
    }
    // A password is in no list of factors.
    let other = fixtures::user();
    insert(&*store, &other).await;
    let password = Credential::password(other.id, Secret::new("x".to_owned()), later(0));
    store.apply(vec![Write::insert(&password)]).await.unwrap();
    let mut by_id: Vec<UserId> = users.iter().map(|(_, id)| *id).collect();
    by_id.sort_unstable();
    users.sort_unstable();
    let by_time: Vec<UserId> = users.iter().map(|(_, id)| *id).collect();
    let list = async |filter: UserFilter| {
        let mut found = Vec::new();
        for query in filter.queries() {
            if filter.second_factor.is_some() {
                let sets: Vec<Credential> = store.list(query).await.unwrap();
                found.extend(sets.iter().map(|set| set.user_id));
            } else {
                let last: Vec<LastSignIn> = store.list(query).await.unwrap();
                found.extend(last.iter().map(|last| last.user_id));
            }
        }
        if filter.order == Order::Descending {
            found.reverse();
        }
        found
    };
    for order in [Order::Ascending, Order::Descending] {
        let signed_in = UserFilter {
            signed_in_since: Some(later(1)),
            order,
            limit: 10,
            ..UserFilter::default()
        };
        assert_eq!(list(signed_in.clone()).await, by_time);
        let (at, id) = users[1];
        let after = UserFilter {
            after: Some(UserCursor::At(at, id)),
            ..signed_in
        };
        let rest = match order {
            Order::Ascending => &by_time[2..],
            Order::Descending => &by_time[..1],
        };
        assert_eq!(list(after).await, rest);
        let with_factor = UserFilter {
            second_factor: Some(true),
            order,
            limit: 10,
            ..UserFilter::default()
        };
        assert_eq!(list(with_factor.clone()).await, by_id);
        let after = UserFilter {
            after: Some(UserCursor::User(by_id[1])),
            ..with_factor
        };
        let rest = match order {
            Order::Ascending => &by_id[2..],
            Order::Descending => &by_id[..1],
        };
        assert_eq!(list(after).await, rest);
    }
    // A later sign-in moves the user.
    let (_, first) = users[0];
    let last = LastSignIn {
        user_id: first,
        at: later(9),
    };
    store.apply(vec![Write::put(&last)]).await.unwrap();
    let signed_in = UserFilter {
        signed_in_since: Some(later(1)),
        limit: 10,
        ..UserFilter::default()
    };
    assert_eq!(list(signed_in).await, [&by_time[1..], &[first]].concat());
}

/// Users of an import can have any id, and many can have signed up at one moment.
pub async fn users_are_listed_in_the_order_of_their_sign_ups(store: Arc<dyn Store>) {
    let mut users: Vec<User> = [3, 1, 2, 2, 2, 0]
        .map(|at| User {
            created_at: later(at),
            ..fixtures::user()
        })
        .into();
    for user in &users {
        insert(&*store, user).await;
    }
    users.sort_unstable_by_key(|user| (user.created_at, user.id));
    let listed: Vec<UserId> = users.iter().map(|user| user.id).collect();
    let found = async |since: Option<i64>, until: Option<i64>, order, place: Option<usize>| {
        let filter = UserFilter {
            created_since: since.map(later),
            created_until: until.map(later),
            order,
            after: place.map(|place| UserCursor::At(users[place].created_at, users[place].id)),
            limit: 10,
            ..UserFilter::default()
        };
        let mut found = Vec::new();
        for query in filter.queries() {
            let users: Vec<User> = store.list(query).await.unwrap();
            found.extend(users.iter().map(|user| user.id));
        }
        if order == Order::Descending {
            found.reverse();
        }
        found
    };
    let (oldest, newest) = (Order::Ascending, Order::Descending);
    for order in [oldest, newest] {
        assert_eq!(found(Some(0), None, order, None).await, listed);
        assert_eq!(found(None, Some(4), order, None).await, listed);
        assert_eq!(found(Some(1), Some(3), order, None).await, listed[1..5]);
    }
    for place in 1..5 {
        let after = found(Some(1), Some(3), oldest, Some(place)).await;
        assert_eq!(after, listed[place + 1..5], "after {place}");
        let before = found(Some(1), Some(3), newest, Some(place)).await;
        assert_eq!(before, listed[1..place], "before {place}");
    }
}
