//! What refusals leave in the audit log.

use std::net::{IpAddr, Ipv4Addr};

use doorward_domain::Error;
use doorward_domain::throttle::Door;

use super::{again, from};
use crate::world::*;

/// L-01: the first refusal of a kind is written down, those after it are not; and of a flood from
/// everywhere some lines a minute.
#[tokio::test]
async fn a_flood_leaves_a_few_lines() {
    let world = World::new().await;
    let office = from(&world, "192.0.2.1");
    world.audited();
    for _ in 0..500 {
        let _ = world
            .accounts
            .admit(&again(&world, &office), Door::Link)
            .await;
    }
    assert_eq!(world.audited(), ["throttled!link"]);
    world.advance(minutes(2));
    for _ in 0..500 {
        let _ = world
            .accounts
            .admit(&again(&world, &office), Door::Link)
            .await;
    }
    assert_eq!(world.audited(), ["throttled!link"]);
    world.advance(minutes(2));
    for number in 0..5000u32 {
        let [_, _, a, b] = number.to_be_bytes();
        let bot = IpAddr::V4(Ipv4Addr::new(10, a, b, 1)).to_string();
        for _ in 0..11 {
            let _ = world.accounts.admit(&from(&world, &bot), Door::Link).await;
        }
    }
    assert_eq!(world.audited().len(), 60);
    // The others are counted.
    world.advance(minutes(10));
    world.accounts.tell_left_out(&world.worker()).await.unwrap();
    let told = world.audited();
    let [told] = &told[..] else {
        panic!("{told:?}");
    };
    let count = told.strip_prefix("events-suppressed!throttled ").unwrap();
    let count: u32 = count.split(' ').next().unwrap().parse().unwrap();
    // Each refusal of theirs, of which some would have had no line of their own.
    assert!((4940..=5000 * 11).contains(&count), "{told}");
    // A pause of an account's names the account.
    world.advance(minutes(2));
    let ben = world.active("ben").await;
    world.audited();
    for _ in 0..5 {
        let _ = world.try_sign_in("ben", OTHER_PASSWORD).await;
    }
    let lines = world.spy.take_audited();
    let refused: Vec<_> = lines
        .iter()
        .filter(|line| line.detail.as_deref() == Some("guess"))
        .collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].user_id, Some(ben.id));
}

/// L-01: a store that is away makes no refusal of a throttle something else.
#[tokio::test]
async fn a_refusal_that_cannot_be_written_down_is_one() {
    let world = World::new().await;
    let office = from(&world, "192.0.2.1");
    world.spy.fail("apply");
    for _ in 0..11 {
        let _ = world
            .accounts
            .admit(&again(&world, &office), Door::Link)
            .await;
    }
    let next = again(&world, &office);
    let refused = world.accounts.admit(&next, Door::Link);
    assert_err!(refused.await, Error::TooManyAttempts { .. });
}
