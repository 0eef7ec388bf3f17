//! Whether every server that keeps something is there and takes writes.
//!
//! Of a Cluster each primary is asked for a key of its own: the library sends what has no key to any
//! other server where the one that is meant is gone, and what goes to all it sends to those that are
//! left.

use futures_util::TryStreamExt;
use futures_util::stream::FuturesUnordered;
use redis::{ErrorKind, RedisResult, Value};

use crate::connect::Connection;

/// How many slots a Cluster has.
const SLOTS: u32 = 16_384;
/// After so many keys none was found for a primary that has but a slot or two; it is passed over.
const TRIED: u32 = 4 * SLOTS;

/// Sets keys that begin with that name if they are there, which they never are: only a server that
/// takes writes and has room for them says that it did not.
pub(crate) async fn try_each(connection: &Connection, name: &str) -> RedisResult<Value> {
    if !connection.is_cluster() {
        return try_one(connection.clone(), name).await;
    }
    let mut slots = redis::cmd("CLUSTER");
    slots.arg("SLOTS");
    let Value::Array(rows) = connection.clone().send(&slots).await? else {
        return Err(unlike_a_cluster());
    };
    let ranges: Option<Vec<Range>> = rows.into_iter().map(Range::read).collect();
    let ranges = ranges.ok_or_else(unlike_a_cluster)?;
    if ranges.iter().map(Range::len).sum::<u32>() < SLOTS {
        let kind = ErrorKind::ClusterConnectionNotFound;
        return Err((kind, "some slots of the Cluster have no server").into());
    }
    let asked: FuturesUnordered<_> = one_each(&ranges, name)
        .into_iter()
        .map(|key| async move { try_one(connection.clone(), &key).await })
        .collect();
    asked.try_collect::<Vec<_>>().await?;
    Ok(Value::Okay)
}

async fn try_one(mut connection: Connection, key: &str) -> RedisResult<Value> {
    let mut command = redis::cmd("SET");
    command.arg(key).arg("").arg("XX").arg("PX").arg(1);
    connection.send(&command).await
}

fn unlike_a_cluster() -> redis::RedisError {
    let kind = ErrorKind::ClusterConnectionNotFound;
    (kind, "the Cluster does not say who has which slots").into()
}

/// A row of `CLUSTER SLOTS`: from, to, the primary, then its replicas.
struct Range {
    from: u16,
    to: u16,
    primary: Value,
}

impl Range {
    fn read(row: Value) -> Option<Self> {
        let Value::Array(row) = row else {
            return None;
        };
        let mut row = row.into_iter();
        let mut slot = || redis::from_redis_value(row.next()?).ok();
        let (from, to) = (slot()?, slot()?);
        let primary = row.next()?;
        Some(Self { from, to, primary })
    }

    fn len(&self) -> u32 {
        (u32::from(self.to) + 1).saturating_sub(u32::from(self.from))
    }
}

/// A key on each primary.
fn one_each(ranges: &[Range], name: &str) -> Vec<String> {
    let mut wanted: Vec<&Value> = Vec::new();
    for range in ranges {
        if !wanted.contains(&&range.primary) {
            wanted.push(&range.primary);
        }
    }
    let mut keys = Vec::with_capacity(wanted.len());
    for number in 0..TRIED {
        if wanted.is_empty() {
            break;
        }
        let key = format!("{name}{number}");
        let slot = slot(&key);
        let range = ranges
            .iter()
            .find(|range| (range.from..=range.to).contains(&slot));
        let place = range.and_then(|range| wanted.iter().position(|one| **one == range.primary));
        if let Some(place) = place {
            wanted.swap_remove(place);
            keys.push(key);
        }
    }
    keys
}

/// The slot of a key without braces: CRC-16 (XMODEM), as the specification of the Cluster has it.
fn slot(key: &str) -> u16 {
    let mut crc = 0u16;
    for byte in key.bytes() {
        crc ^= u16::from(byte) << 8;
        for _ in 0..8 {
            let carry = crc & 0x8000 != 0;
            crc <<= 1;
            if carry {
                crc ^= 0x1021;
            }
        }
    }
    crc % 16_384
}

#[cfg(test)]
mod tests {
    use redis::cluster_routing::Slot;

    use super::*;

    #[test]
    fn a_slot_is_what_the_library_takes_it_for() {
        // From the specification.
        assert_eq!(slot("123456789"), 0x31c3);
        for number in 0..2000 {
            let key = format!("doorward:nothing{number}");
            assert_eq!(Slot::new(slot(&key)), Some(Slot::for_key(&key)), "{key}");
        }
    }

    #[test]
    fn every_primary_has_one_key_however_its_slots_lie() {
        let range = |from, to, primary| Range {
            from,
            to,
            primary: Value::Int(primary),
        };
        let ranges = [
            range(0, 99, 1),
            range(100, 8000, 2),
            range(8001, 8001, 3),
            range(8002, 16_383, 1),
        ];
        let keys = one_each(&ranges, "doorward:nothing");
        assert_eq!(keys.len(), 3, "{keys:?}");
        assert!(keys.iter().any(|key| slot(key) == 8001), "{keys:?}");
        assert!(keys.iter().any(|key| (100..=8000).contains(&slot(key))));
    }
}
