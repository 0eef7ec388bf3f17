//! Totals: every event is counted once, also those that the audit log does not list.

use doorward_domain::Error;
use doorward_domain::invitation::{Acceptance, NewInvitation};
use doorward_domain::model::{InvitationDelivery, Total, TotalKind};
use doorward_domain::store::{Store, Write};
use doorward_domain::totals::TotalsRange;
use doorward_domain::values::{Role, TimeUnit, Token};

use crate::test_node::*;

/// The numbers of an hour, day or month: sign-ups, sign-ins, failures, mails, throttled.
type Numbers = [i64; 5];

/// The totals of the last hours, days or months, the current one last.
async fn totals(node: &TestNode, unit: TimeUnit) -> Vec<Numbers> {
    let range = TotalsRange::new(unit, None, None, node.now()).unwrap();
    let totals = node.doorward.totals.list(&node.operator(), &range).await;
    let totals = totals.unwrap();
    assert!(totals.is_sorted_by_key(|total| total.starts_at));
    let numbers = totals.iter().map(|total| {
        let of = |kind: &TotalKind| total.of(*kind);
        TotalKind::ALL.iter().map(of).collect::<Vec<_>>()
    });
    numbers.map(|numbers| numbers.try_into().unwrap()).collect()
}

/// The totals of the current hour.
async fn current(node: &TestNode) -> Numbers {
    *totals(node, TimeUnit::Hour).await.last().unwrap()
}

async fn write(node: &TestNode) {
    node.doorward.totals.write("one").await.unwrap();
}

async fn node() -> TestNode {
    let node = TestNode::new().await;
    node.list_at_once();
    node
}

#[tokio::test]
async fn sign_ups_sign_ins_failures_and_mails_are_counted() {
    let node = node().await;
    node.active("ben").await;
    node.user_without_mailbox("eve").await;
    node.sign_in("ben").await;
    for name in ["ben", "nobody"] {
        let refused = node.try_sign_in(name, OTHER_PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
    }
    write(&node).await;
    assert_eq!(current(&node).await, [2, 1, 2, 1, 0]);
}

#[tokio::test]
async fn an_invitation_is_a_sign_up_once_it_is_accepted() {
    let node = node().await;
    let wanted = NewInvitation {
        delivery: Some(InvitationDelivery::Link),
        ..invited(Some("ben"), None, Role::User)
    };
    let invited = node
        .doorward
        .invitations
        .invite(&node.operator(), wanted)
        .await
        .unwrap();
    write(&node).await;
    assert_eq!(current(&node).await, [0; 5]);
    let url = invited.url.unwrap().expose().to_owned();
    let (_, link) = url.rsplit_once('/').unwrap();
    let acceptance = Acceptance {
        password: secret(PASSWORD),
        name: None,
    };
    let link = Token::parse(link).unwrap();
    let anonymous = node.anonymous();
    let accepted = node
        .doorward
        .invitation_acceptance
        .accept(&anonymous, &link, &acceptance);
    accepted.await.unwrap();
    write(&node).await;
    assert_eq!(current(&node).await, [1, 0, 0, 0, 0]);
}

/// The audit log has one event about them.
#[tokio::test]
async fn every_throttled_request_is_counted() {
    let node = node().await;
    node.active("ben").await;
    for _ in 0..3 {
        let _ = node.try_sign_in("ben", OTHER_PASSWORD).await;
    }
    node.audited();
    for _ in 0..100 {
        let refused = node.try_sign_in("ben", PASSWORD).await;
        assert_err!(refused, Error::TooManyAttempts { .. });
    }
    assert_eq!(node.audited().len(), 1);
    write(&node).await;
    assert_eq!(current(&node).await, [1, 0, 3, 1, 100]);
}

/// An idle node costs nothing.
#[tokio::test]
async fn without_events_nothing_is_read_or_written() {
    let node = node().await;
    node.active("ben").await;
    write(&node).await;
    node.clear_cache();
    write(&node).await;
    assert!(node.spy.take_calls().is_empty());
}

/// Numbers of one hour: a read and a write, of two records for each kind.
#[tokio::test]
async fn a_write_makes_two_requests() {
    let node = node().await;
    node.active("ben").await;
    node.clear_cache();
    write(&node).await;
    assert_eq!(node.spy.take_calls(), ["totals", "apply"]);
    assert_eq!(node.spy.take_writes(), ["insert totals"; 4]);
    node.sign_in("ben").await;
    node.active("eve").await;
    node.clear_cache();
    write(&node).await;
    let mut writes = node.spy.take_writes();
    writes.sort();
    let expected = [
        ["insert totals"; 2],
        ["update totals: amount"; 2],
        ["update totals: amount"; 2],
    ];
    assert_eq!(writes, expected.concat());
}

#[tokio::test]
async fn a_restarted_node_continues_its_hour_and_nodes_are_added() {
    let node = node().await;
    node.active("ben").await;
    write(&node).await;
    let restarted = node.restart().await;
    restarted.sign_in("ben").await;
    write(&restarted).await;
    restarted.sign_in("ben").await;
    write(&restarted).await;
    let other = node.second_node(2).await;
    other.sign_in("ben").await;
    other.doorward.totals.write("other").await.unwrap();
    assert_eq!(current(&node).await, [1, 3, 0, 1, 0]);
    let stored: Vec<Total> = node.store.all();
    // Three kinds on one node, and one on the other; each in an hour and in a day.
    assert_eq!(stored.len(), 8);
}

#[tokio::test]
async fn counts_that_cannot_be_written_are_kept() {
    let node = node().await;
    node.active("ben").await;
    node.spy.fail("apply");
    assert_err!(node.doorward.totals.write("one").await, Error::Store(_));
    node.spy.clear_failures();
    node.advance(hours(1));
    node.sign_in("ben").await;
    write(&node).await;
    let hours = totals(&node, TimeUnit::Hour).await;
    assert_eq!(hours[22..], [[1, 0, 0, 1, 0], [0, 1, 0, 0, 0]]);
}

/// Two processes of one name: on one machine, or while one replaces the other.
#[tokio::test]
async fn processes_with_the_same_name_lose_no_count() {
    let node = node().await;
    node.user_without_mailbox("ben").await;
    node.sign_in("ben").await;
    write(&node).await;
    for _ in 0..2 {
        let stored: Vec<Total> = node.store.all();
        let adds = stored.iter().map(|total| total.increase(5)).collect();
        node.sign_in("ben").await;
        node.spy.interleave(adds);
        write(&node).await;
    }
    assert_eq!(current(&node).await, [11, 13, 0, 0, 0]);

    // Both create the records of the next hour.
    node.advance(hours(1));
    node.sign_in("ben").await;
    let other = Total {
        unit: TimeUnit::Hour,
        starts_at: node.now(),
        kind: TotalKind::SignIns,
        node: "one".to_owned(),
        amount: 4,
    };
    node.spy.interleave(vec![Write::insert(&other)]);
    write(&node).await;
    assert_eq!(current(&node).await, [0, 5, 0, 0, 0]);
}

#[tokio::test]
async fn hours_days_and_months_without_events_are_zero() {
    let node = node().await;
    node.user_without_mailbox("ben").await;
    write(&node).await;
    // From the 21st of November, 8:00, to the 2nd of December, 7:00.
    node.advance(hours(10 * 24 + 23));
    node.sign_in("ben").await;
    node.advance(hours(1));
    node.sign_in("ben").await;
    write(&node).await;
    let (sign_up, sign_in, none) = ([1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0; 5]);
    let by_hour = totals(&node, TimeUnit::Hour).await;
    assert_eq!(by_hour, [vec![none; 22], vec![sign_in; 2]].concat());
    let by_day = totals(&node, TimeUnit::Day).await;
    let both = [0, 2, 0, 0, 0];
    let expected = [vec![none; 18], vec![sign_up], vec![none; 10], vec![both]];
    assert_eq!(by_day, expected.concat());
    let by_month = totals(&node, TimeUnit::Month).await;
    assert_eq!(by_month, [vec![none; 10], vec![sign_up, both]].concat());
}

#[tokio::test]
async fn totals_are_deleted_after_more_than_400_days() {
    let node = node().await;
    node.user_without_mailbox("ben").await;
    write(&node).await;
    let sweep = async || {
        let worker = node.worker();
        node.doorward.housekeeping.sweep(&worker).await.unwrap();
    };
    node.advance(hours(400 * 24));
    sweep().await;
    assert_eq!(node.store.all::<Total>().len(), 2);
    node.advance(hours(8 * 24));
    sweep().await;
    assert!(node.store.all::<Total>().is_empty());
}

/// A kind of a newer version does not hide the others.
#[tokio::test]
async fn a_total_that_cannot_be_read_is_skipped() {
    let node = node().await;
    node.user_without_mailbox("ben").await;
    write(&node).await;
    let stored: Vec<Total> = node.store.all();
    let newer = Total {
        node: "newer".to_owned(),
        ..stored.last().unwrap().clone()
    };
    let set = [("kind", "unheard-of".into())];
    let unreadable = Write::update::<Total, 1>(newer.key(), set, Vec::new());
    let writes = vec![Write::insert(&newer), unreadable];
    node.store.apply(writes).await.unwrap();
    assert_eq!(current(&node).await, [1, 0, 0, 0, 0]);
}
