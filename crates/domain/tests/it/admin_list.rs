//! Filters of the list of users.

use doorward_domain::model::{LastSignIn, Status, User, UserCursor, UserFilter};
use doorward_domain::store::{Batch, Order, Store, Write};
use doorward_domain::values::{Data, UserId};
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

/// The numbers of the users on each page of a list.
async fn pages(node: &TestNode, filter: UserFilter) -> Vec<Vec<String>> {
    let (mut pages, mut filter) = (Vec::new(), filter);
    loop {
        let user_list = &node.doorward.user_list;
        let page = user_list
            .list_users(&node.operator(), &filter)
            .await
            .unwrap();
        let name = |user: &User| {
            let name = user.username.as_ref().unwrap().as_str();
            name.trim_start_matches("user-").to_owned()
        };
        pages.push(page.users.iter().map(name).collect());
        filter.after = page.next;
        if filter.after.is_none() {
            return pages;
        }
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
    let outside = UserCursor::Created(day(9), UserId::from_bytes([0; 16]));
    let filter = UserFilter {
        after: Some(outside),
        ..by_time(Some(day(5)), None, Order::Ascending)
    };
    let found = pages(&node, filter).await.concat();
    assert!(!found.contains(&"0".to_owned()), "{found:?}");
}

#[tokio::test]
async fn users_are_found_by_their_last_sign_in_also_if_they_never_signed_in() {
    let node = TestNode::new().await;
    let at = node.now();
    let users = store_users(&node, &[at, at, at]).await;
    for (user, at) in users.iter().zip([at, at + seconds(1)]) {
        let last = LastSignIn {
            user_id: user.id,
            at,
        };
        node.store.apply(vec![Write::insert(&last)]).await.unwrap();
    }
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
    let filter = UserFilter {
        second_factor: Some(true),
        limit: 1,
        ..UserFilter::default()
    };
    let pages = pages(&node, filter).await;
    assert!(pages.iter().all(|page| page.len() <= 1), "{pages:?}");
    let mut found = pages.concat();
    found.sort();
    assert_eq!(found, ["ben", "cleo", "eve"]);
}

#[tokio::test]
async fn the_pages_before_and_after_one_that_skips_users_have_the_same_users_again() {
    let node = TestNode::new().await;
    let users = store_users(&node, &[node.now(); 10]).await;
    for user in users.iter().step_by(2) {
        let last = LastSignIn {
            user_id: user.id,
            at: node.now(),
        };
        node.store.apply(vec![Write::insert(&last)]).await.unwrap();
    }
    let page = async |order, after| {
        let filter = UserFilter {
            signed_in_since: Some(node.now()),
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
    let last = LastSignIn {
        // It has the highest id but one.
        user_id: users[0].id,
        at: node.now(),
    };
    let write = Write::insert(&last);
    node.store.apply(vec![write]).await.unwrap();
    for (order, expected) in [
        (Order::Ascending, [vec![], vec!["0"]]),
        (Order::Descending, [vec!["0"], vec![]]),
    ] {
        let filter = UserFilter {
            signed_in_since: Some(node.now()),
            order,
            limit: 5,
            ..UserFilter::default()
        };
        assert_eq!(pages(&node, filter).await, expected);
    }
}
