//! The audit log's seals over a change of the master key. What a store owes them is in the contract
//! (`doorward_testkit::contract::audit_seals`).

use doorward_domain::model::Event;
use doorward_domain::ports::Store;
use jiff::SignedDuration;

use crate::world::*;

/// How often a mail is asked for.
const ASKED: usize = 10;

/// L-01: two nodes whose master keys differ meet each other's seals for as long as both run. Each says so
/// once an hour; the rest is counted, and told. With nothing else to seal they come to rest.
#[tokio::test]
async fn two_keys_at_a_time_do_not_fill_the_log() {
    let world = World::new().await;
    let other = world.cold_node(9, &[8; 32]);
    let nodes = [&world, &other];
    let broken = || {
        let lines = nodes.map(|node| node.spy.take_audited()).concat();
        let of = |event| lines.iter().filter(|line| line.event == event).count();
        (of(Event::SealBroken), of(Event::EventsSuppressed))
    };
    let round = async |number: usize| {
        world.advance(seconds(6));
        let node = nodes[number % 2];
        node.accounts.tell_left_out(&node.worker()).await.unwrap();
        node.accounts.seal_audit(&node.worker()).await.unwrap()
    };
    world.active("ben").await;
    world.forget();
    for number in 0..90 {
        world.sign_in("ben").await;
        round(number).await;
    }
    assert_eq!(broken(), (2, 0));
    // Idle: what is left out comes to a line of each node, and after their seals there is nothing to seal.
    let mut sealed = 0;
    for number in 0..60 {
        sealed += round(number).await.events;
    }
    assert!(sealed < 12, "{sealed}");
    let left_out = broken();
    assert!(
        left_out.0 == 0 && (2..=4).contains(&left_out.1),
        "{left_out:?}"
    );
    world.advance(seconds(3600));
    for number in 0..2 {
        world.sign_in("ben").await;
        round(number).await;
    }
    assert!(broken().0 >= 1);
}

/// L-05: of lines from before a change of the master key the way to the present one is walked once.
#[tokio::test]
async fn the_way_to_the_present_key_is_walked_once() {
    let world = World::new().await;
    let earlier = world.cold_node(9, &[8; 32]);
    world.active("ben").await;
    for _ in 0..ASKED {
        world.ask_recovery("ben@example.com").await;
        world.deliver().await;
        world.advance(SignedDuration::from_hours(2));
    }
    let seal = async |node: &World| {
        world.advance(seconds(6));
        node.accounts.seal_audit(&node.worker()).await.unwrap();
    };
    for _ in 0..450 {
        world.sign_in("ben").await;
        seal(&earlier).await;
    }
    let operator = world.operator();
    let deleted = world.accounts.delete_account(&operator, "ben", None).await;
    deleted.unwrap();
    seal(&world).await;
    seal(&world).await;
    world.advance(seconds(900));
    world.forget();
    world
        .accounts
        .erase_from_audit(&world.worker())
        .await
        .unwrap();
    let calls = world.spy.take_calls();
    let asked = |question| calls.iter().filter(|call| **call == question).count();
    let erased = asked("list_personal");
    assert!(erased > ASKED, "{erased}");
    let read = asked("list_seals");
    assert!(read < ASKED + 5, "{read} reads of seals for {ASKED} lines");
}

/// L-05: many whose erasure fails each time keep nobody behind them from theirs.
#[tokio::test]
async fn however_many_cannot_be_erased_the_others_are() {
    let world = World::new().await;
    let operator = world.operator();
    let mut gone = Vec::new();
    for number in 0..12 {
        let name = format!("ben{number}");
        let user = world.nameless_mailbox(&name).await;
        let deleted = world.accounts.delete_account(&operator, &name, None).await;
        deleted.unwrap();
        gone.push(user.id);
    }
    // As the orders are looked at.
    gone.sort_unstable();
    world.advance(seconds(6));
    let worker = world.worker();
    world.accounts.seal_audit(&worker).await.unwrap();
    world.advance(minutes(10));
    let failing = &gone[..11];
    world.spy.cannot_read(failing);
    let erased = world.accounts.erase_from_audit(&world.worker()).await;
    assert!(erased.is_err());
    let open = world.store.audit_log().list_open_erasures(20).await;
    let open: Vec<_> = open.unwrap().iter().map(|order| order.user_id).collect();
    assert_eq!(open, failing);
    // A store that is away is not asked about all of them.
    world.spy.fail("last_seal");
    world.spy.take_calls();
    let erased = world.accounts.erase_from_audit(&world.worker()).await;
    assert!(erased.is_err());
    let calls = world.spy.take_calls();
    assert_eq!(calls.iter().filter(|call| **call == "find_user").count(), 5);
}
