//! Filters of the list of users.

use doorward_domain::model::{LastSignIn, Status, User, UserCursor, UserFilter};
use doorward_domain::store::{Batch, Order, Store, Write};
use doorward_domain::users::ProfileUpdate;
use doorward_domain::values::{Data, Name, UserId};
use jiff::Timestamp;
use serde_json::json;

use crate::factors;
use crate::test_node::*;

/// Stores users with these times of the sign-up, each with its number as the name.
async fn store_users(node: &TestNode, created: &[Timestamp]) -> Vec<User> {
    node.list_at_once();
    let like = node.user_without_mailbox("first").await;
    let user = |(number, at): (usize, &Timestamp)| User {
        // An imported user can have any id.
        id: UserId::from_bytes((0xffff - number as u128).to_be_bytes()),
        username: Some(username(&format!("user-{number}"))),
        created_at: *at,
        data: Data::parse(json!({"number": number})).unwrap(),
        ..like.clone()
    };
    let users: Vec<User> = created.iter().enumerate().map(user).collect();
    for some in users.chunks(20) {
        let writes: Batch = some.iter().flat_map(User::insert).collect();
        node.store.apply(writes).await.unwrap();
    }
    users
}

/// The numbers of the users on a page. The filter is then that of the next page.
async fn page(node: &TestNode, filter: &mut UserFilter) -> Vec<String> {
    let user_list = &node.doorward.user_list;
    let page = user_list
        .list_users(&node.operator(), filter)
        .await
        .unwrap();
    let name = |user: &User| {
        let name = user.username.as_ref().unwrap().as_str();
        name.trim_start_matches("user-").to_owned()
    };
    filter.after = page.next;
    page.users.iter().map(name).collect()
}

/// The numbers of the users on each page of a list.
async fn pages(node: &TestNode, mut filter: UserFilter) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    loop {
        pages.push(page(node, &mut filter).await);
        if filter.after.is_none() {
            return pages;
        }
    }
}

/// Stores the last sign-ins of these users.
async fn store_sign_ins(node: &TestNode, users: &[(UserId, Timestamp)]) {
    for some in users.chunks(50) {
        let last =
            |&(user_id, at): &(UserId, Timestamp)| Write::insert(&LastSignIn { user_id, at });
        node.store
            .apply(some.iter().map(last).collect())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_list_by_the_time_of_the_sign_up_is_in_its_order_and_has_each_user_once() {
    let node = TestNode::new().await;
    let day = |day: i64| node.now() - hours(24 * day);
    // Three signed up at the same moment: an import.
    let created = [day(9), day(5), day(5), day(5), day(3), day(1)];
    store_users(&node, &created).await;
    let by_time = |since, until, order| UserFilter {
        created_since: since,
        created_until: until,
        order,
        limit: 2,
        ..UserFilter::default()
    };
    for (since, until, expected) in [
        (Some(day(5)), Some(day(1)), vec!["3", "2", "1", "4"]),
        (Some(day(5) + MICROSECOND), Some(day(0)), vec!["4", "5"]),
        (None, Some(day(5)), vec!["0"]),
        (Some(day(1)), None, vec!["5", "first"]),
    ] {
        let oldest = pages(&node, by_time(since, until, Order::Ascending)).await;
        assert!(oldest.iter().all(|page| page.len() <= 2), "{oldest:?}");
        assert_eq!(oldest.concat(), expected);
        let newest = pages(&node, by_time(since, until, Order::Descending)).await;
        let newest: Vec<String> = newest.concat().into_iter().rev().collect();
        assert_eq!(newest, expected);
    }
    // A place outside the time adds no user.
    let outside = UserCursor::At(day(9), UserId::from_bytes([0; 16]));
    let filter = UserFilter {
        after: Some(outside),
        ..by_time(Some(day(5)), None, Order::Ascending)
    };
    let found = pages(&node, filter).await.concat();
    assert!(!found.contains(&"0".to_owned()), "{found:?}");
}

/// A list by the last sign-in: the user moves to its newest end, and all others are in it once.
#[tokio::test]
async fn a_sign_in_between_two_pages_moves_only_its_user() {
    for (order, signs_in, expected) in [
        (Order::Ascending, 0, ["0", "1", "2", "3", "0"].as_slice()),
        (Order::Ascending, 2, &["0", "1", "3", "2"]),
        (Order::Descending, 3, &["3", "2", "1", "0"]),
        (Order::Descending, 0, &["3", "2", "1"]),
    ] {
        let node = TestNode::new().await;
        let at = node.now();
        let users = store_users(&node, &[at; 4]).await;
        let times = users.iter().zip(0..);
        let times = times.map(|(user, number)| (user.id, at + seconds(number)));
        store_sign_ins(&node, &times.collect::<Vec<_>>()).await;
        let mut filter = UserFilter {
            signed_in_since: Some(at),
            order,
            limit: 2,
            ..UserFilter::default()
        };
        let mut listed = page(&node, &mut filter).await;
        let now = LastSignIn {
            user_id: users[signs_in].id,
            at: at + seconds(9),
        };
        node.store.apply(vec![Write::put(&now)]).await.unwrap();
        listed.extend(pages(&node, filter).await.concat());
        assert_eq!(listed, expected);
    }
}

#[tokio::test]
async fn users_are_found_by_their_last_sign_in_also_if_they_never_signed_in() {
    let node = TestNode::new().await;
    let at = node.now();
    let users = store_users(&node, &[at, at, at]).await;
    store_sign_ins(&node, &[(users[0].id, at), (users[1].id, at + seconds(1))]).await;
    let later = Some(at + seconds(1));
    for (since, not_since, text, expected) in [
        (Some(at), None, None, vec!["0", "1"]),
        (later, None, None, vec!["1"]),
        (None, later, None, vec!["0", "2", "first"]),
        (Some(at), later, None, vec!["0"]),
        (None, later, Some("user"), vec!["0", "2"]),
    ] {
        let filter = UserFilter {
            text: text.map(str::to_owned),
            signed_in_since: since,
            not_signed_in_since: not_since,
            limit: 10,
            ..UserFilter::default()
        };
        let mut found = pages(&node, filter).await.concat();
        found.sort();
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn users_who_signed_in_since_a_time_are_listed_by_their_last_sign_in_each_once() {
    let node = TestNode::new().await;
    let start = node.now();
    let users = store_users(&node, &[start; 6]).await;
    // Three signed in at the same moment, and one of them was deleted since.
    let times = [5, 2, 2, 2, 9, 0];
    let at = |number: usize| (users[number].id, start + seconds(times[number]));
    let last: Vec<_> = (0..6).map(at).collect();
    store_sign_ins(&node, &last).await;
    let delete = users[2].delete(start);
    node.store.apply(delete).await.unwrap();
    for (filter, expected) in [
        (UserFilter::default(), vec!["3", "1", "0", "4"]),
        (
            UserFilter {
                not_signed_in_since: Some(start + seconds(5)),
                ..UserFilter::default()
            },
            vec!["3", "1"],
        ),
        (
            UserFilter {
                status: Some(Status::Active),
                second_factor: Some(false),
                ..UserFilter::default()
            },
            vec!["3", "1", "0", "4"],
        ),
    ] {
        for limit in [1, 2, 10] {
            let oldest = UserFilter {
                signed_in_since: Some(start + seconds(1)),
                limit,
                ..filter.clone()
            };
            let newest = UserFilter {
                order: Order::Descending,
                ..oldest.clone()
            };
            assert_eq!(pages(&node, oldest).await.concat(), expected);
            let newest = pages(&node, newest).await.concat();
            assert_eq!(newest.into_iter().rev().collect::<Vec<_>>(), expected);
        }
    }
    // What is listed has its data, and the time of the sign-in.
    let filter = UserFilter {
        signed_in_since: Some(start + seconds(9)),
        limit: 1,
        ..UserFilter::default()
    };
    let user_list = &node.doorward.user_list;
    let page = user_list
        .list_users(&node.operator(), &filter)
        .await
        .unwrap();
    assert_eq!(page.users, [users[4].clone()]);
    assert_eq!(page.last_sign_ins[&users[4].id], start + seconds(9));
}

#[tokio::test]
async fn a_user_is_found_by_the_whole_id_if_the_other_filters_accept_them() {
    let node = TestNode::new().await;
    let users = store_users(&node, &[node.now(), node.now()]).await;
    let whole = users[1].id.to_string();
    for (text, status, expected) in [
        (format!(" {whole} "), None, vec!["1"]),
        (whole.to_uppercase(), Some(Status::Active), vec!["1"]),
        (whole.clone(), Some(Status::Disabled), vec![]),
        (whole[..35].to_owned(), None, vec![]),
        (UserId::from_bytes([7; 16]).to_string(), None, vec![]),
    ] {
        let filter = UserFilter {
            text: Some(text),
            status,
            limit: 1,
            ..UserFilter::default()
        };
        assert_eq!(pages(&node, filter).await, [expected]);
    }
}

#[tokio::test]
async fn a_user_is_found_by_the_sixth_word_of_a_name_and_no_longer_after_it_has_changed() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    let found = async |text: &str| {
        let filter = UserFilter {
            text: Some(text.to_owned()),
            limit: 10,
            ..UserFilter::default()
        };
        pages(&node, filter).await.concat()
    };
    let rename = async |name: &str| {
        let update = ProfileUpdate::Patch {
            name: Some(Some(Name::parse(name).unwrap())),
            data: None,
            locale: None,
        };
        let profile = &node.doorward.profile;
        let ctx = node.of(&session);
        profile.update(&ctx, "me", &update, None).await.unwrap();
    };
    rename("Ana Maria de la Cruz Benitez").await;
    assert_eq!(found("benitez").await, ["ben"]);
    rename("Ana Maria de la Cruz Olmedo").await;
    assert_eq!(found("olmedo").await, ["ben"]);
    assert!(found("benitez").await.is_empty());
}

#[tokio::test]
async fn users_are_found_by_their_second_factor() {
    let (node, _) = factors::ben().await;
    node.list_at_once();
    node.admin("ada").await;
    for (second_factor, expected) in [(true, "ben"), (false, "ada")] {
        let filter = UserFilter {
            second_factor: Some(second_factor),
            limit: 10,
            ..UserFilter::default()
        };
        assert_eq!(pages(&node, filter).await, [[expected]]);
    }
}

#[tokio::test]
async fn a_page_has_at_most_its_limit_of_users_with_a_second_factor() {
    let (node, _) = factors::ben().await;
    node.list_at_once();
    node.admin("ada").await;
    for name in ["cleo", "eve"] {
        factors::two_factor_user(&node, name).await;
    }
    // In the order of the sign-ups, as all users.
    let oldest = UserFilter {
        second_factor: Some(true),
        limit: 1,
        ..UserFilter::default()
    };
    let newest = UserFilter {
        order: Order::Descending,
        ..oldest.clone()
    };
    assert_eq!(pages(&node, oldest).await, [["ben"], ["cleo"], ["eve"]]);
    assert_eq!(pages(&node, newest).await, [["eve"], ["cleo"], ["ben"]]);
}

#[tokio::test]
async fn the_pages_before_and_after_one_that_skips_users_have_the_same_users_again() {
    let node = TestNode::new().await;
    let users = store_users(&node, &[node.now(); 10]).await;
    let signed_in: Vec<_> = users.iter().skip(1).step_by(2).collect();
    let signed_in: Vec<_> = signed_in.iter().map(|user| (user.id, node.now())).collect();
    store_sign_ins(&node, &signed_in).await;
    let page = async |order, after| {
        let filter = UserFilter {
            not_signed_in_since: Some(node.now()),
            order,
            after,
            limit: 2,
            ..UserFilter::default()
        };
        let user_list = &node.doorward.user_list;
        user_list
            .list_users(&node.operator(), &filter)
            .await
            .unwrap()
    };
    let first = page(Order::Ascending, None).await;
    assert_eq!(first.users, [users[8].clone(), users[6].clone()]);
    let second = page(Order::Ascending, first.next).await;
    assert_eq!(second.users, [users[4].clone(), users[2].clone()]);
    let mut back = page(Order::Descending, second.start).await;
    back.users.reverse();
    assert_eq!(back.users, first.users);
    let again = page(Order::Ascending, back.start).await;
    assert_eq!(again.users, second.users);
}

/// Scale: a page reads at most a thousand users to find some that no index selects.
#[tokio::test]
async fn a_page_that_finds_no_user_among_a_thousand_users_leads_on() {
    let node = TestNode::new().await;
    let users = store_users(&node, &[node.now(); 1_001]).await;
    // Its id is the highest but that of `first`.
    let signed_in: Vec<_> = users[1..]
        .iter()
        .map(|user| (user.id, node.now()))
        .collect();
    store_sign_ins(&node, &signed_in).await;
    for (order, expected) in [
        (Order::Ascending, [vec![], vec!["0", "first"]]),
        (Order::Descending, [vec!["first", "0"], vec![]]),
    ] {
        let filter = UserFilter {
            not_signed_in_since: Some(node.now()),
            order,
            limit: 5,
            ..UserFilter::default()
        };
        assert_eq!(pages(&node, filter).await, expected);
    }
}
