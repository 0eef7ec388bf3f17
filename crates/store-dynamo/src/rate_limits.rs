//! Rate limit counters, an item for each: the arithmetic of `doorward_domain::limits`.
//!
//! The first update of an attempt assumes that nothing is counted, which is so for most keys; otherwise its refusal contains
//! the counter, with which the next one is made. A budget grows by one number, so that attempts do not conflict, however many arrive at the same time. A
//! backoff is updated under the condition that it is as it was read.
//!
//! An update whose response was lost is sent again, so that an attempt may count twice. DynamoDB deletes a counter once it
//! has no effect.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnRefusal,
};
use doorward_domain::keys::CounterKeys;
use doorward_domain::limits::{
    Counter, Decision, Failures, KeyedLimit, Limit, RateLimits, interval, restored, take,
};
use doorward_domain::store::StoreError;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::DynamoStore;
use crate::client::{Backoff, Connection, LIMIT, answer, fault_of};
use crate::item::{Item, TTL, key_of};
use crate::layout::Place;

const ACQUIRE: &str = "acquire rate limit";
const RELEASE: &str = "release rate limit";
const BUSY: &str = "too many attempts at once";
const MICROS: i64 = 1_000_000;
/// Seconds for which a counter is stored after it has lost its effect, for nodes whose clocks differ.
const KEPT: i64 = 3600;

/// The state of a counter. For a budget `expires_at` is when all of it is available again.
const SET: &str = "failures = :failures, failed_at = :failed_at, expires_at = :expires_at";
const NOTHING_COUNTED: &str = "attribute_not_exists(expires_at) OR expires_at <= :now";
const AS_IT_WAS: &str =
    "failures = :old_failures AND failed_at = :old_failed_at AND expires_at = :old_expires_at";

/// Counters in a table.
pub struct DynamoRateLimits {
    connection: Arc<Connection>,
    keys: CounterKeys,
}

/// Names and values of an expression. Times are in microseconds.
type Values = Vec<(&'static str, i64)>;

impl DynamoRateLimits {
    /// Counters beside the records of a store.
    pub fn new(store: &DynamoStore, keys: CounterKeys) -> Self {
        Self {
            connection: store.connection.clone(),
            keys,
        }
    }

    /// Addresses and accounts are not readable in the table.
    fn place(&self, limit: &KeyedLimit) -> Place {
        let name = self.keys.name(limit.limit.name(), &limit.key);
        Place {
            partition: format!("limit/{}", hex::encode(name.as_bytes())),
            sort: vec![0],
        }
    }

    /// Updates a counter, which then has an effect until `end`. If the condition does not hold, returns the stored one.
    async fn update(
        &self,
        place: &Place,
        (set, when): (&str, &str),
        values: &Values,
        end: i64,
    ) -> Result<Result<(), Item>, StoreError> {
        let connection = &self.connection;
        let attempt = || {
            let mut request = connection.client.update_item();
            request = request
                .table_name(&connection.table)
                .set_key(Some(key_of(place)))
                .update_expression(format!("SET {set}, #ttl = :ttl"))
                .condition_expression(when)
                .expression_attribute_names("#ttl", TTL)
                .expression_attribute_values(":ttl", number(end / MICROS + KEPT))
                .return_values_on_condition_check_failure(OnRefusal::AllOld);
            for (name, value) in values {
                request = request.expression_attribute_values(*name, number(*value));
            }
            let sent = request.send();
            async {
                let Err(error) = sent.await else {
                    return Ok(Ok(()));
                };
                match error.as_service_error() {
                    Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                        Ok(Err(refused.item.clone().unwrap_or_default()))
                    }
                    _ => Err(fault_of(&error)),
                }
            }
        };
        connection.read(ACQUIRE, attempt).await
    }
}

#[async_trait]
impl RateLimits for DynamoRateLimits {
    async fn acquire(&self, limit: &KeyedLimit, now: Timestamp) -> Result<Decision, StoreError> {
        let place = self.place(limit);
        let deadline = Instant::now() + LIMIT;
        let (mut wait, mut stored) = (Backoff::default(), None);
        for attempt in 0.. {
            let (next, remaining) = match take(&limit.limit, stored, now) {
                Ok(taken) => taken,
                Err(retry_after) => return Ok(Decision::Denied { retry_after }),
            };
            let (expressions, values) = match (stored, &limit.limit) {
                (None, _) => {
                    let now = (":now", now.as_microsecond());
                    ((SET, NOTHING_COUNTED), [set(next), vec![now]].concat())
                }
                (Some(_), Limit::Budget { rate, .. }) => {
                    let (now, step) = (now.as_microsecond(), micros(interval(*rate)));
                    let most = now + micros(rate.window) - step;
                    let set = "expires_at = expires_at + :step";
                    let when = "expires_at > :now AND expires_at <= :most";
                    let values = vec![(":step", step), (":now", now), (":most", most)];
                    ((set, when), values)
                }
                (Some(stored), Limit::Backoff { .. }) => {
                    ((SET, AS_IT_WAS), [set(next), as_it_was(stored)].concat())
                }
            };
            match self.update(&place, expressions, &values, end(next)).await? {
                Ok(()) => return Ok(Decision::Allowed { remaining }),
                Err(item) => {
                    let counted = counter(&limit.limit, &item);
                    stored = counted.filter(|counter| end(*counter) > now.as_microsecond());
                }
            }
            // The first refusal says what is counted. Later ones come from parallel attempts.
            if attempt > 0 && !wait.wait(deadline).await {
                break;
            }
        }
        Err(StoreError::new(ACQUIRE, BUSY))
    }

    async fn release(&self, limit: &KeyedLimit, now: Timestamp) -> Result<(), StoreError> {
        let place = self.place(limit);
        let deadline = Instant::now() + LIMIT;
        let mut wait = Backoff::default();
        loop {
            let items = self.connection.get(RELEASE, vec![place.clone()]).await?;
            let stored = items.first().and_then(|item| counter(&limit.limit, item));
            let Some(stored) = stored else {
                return Ok(());
            };
            let (expressions, values, end) = match limit.limit {
                Limit::Budget { rate, .. } => {
                    let set = "expires_at = expires_at - :step";
                    let values = vec![(":step", micros(interval(rate)))];
                    ((set, "attribute_exists(expires_at)"), values, end(stored))
                }
                Limit::Backoff { .. } => {
                    let nothing = Counter::Budget { full_at: now };
                    let next = restored(&limit.limit, stored, now).unwrap_or(nothing);
                    let values = [set(next), as_it_was(stored)].concat();
                    ((SET, AS_IT_WAS), values, end(next))
                }
            };
            let updated = self.update(&place, expressions, &values, end).await?;
            if updated.is_ok() {
                return Ok(());
            }
            if !wait.wait(deadline).await {
                return Err(StoreError::new(RELEASE, BUSY));
            }
        }
    }

    async fn clear(&self, limit: &KeyedLimit) -> Result<u32, StoreError> {
        let (connection, place) = (&self.connection, self.place(limit));
        let attempt = || {
            let request = connection.client.delete_item();
            let request = request
                .table_name(&connection.table)
                .set_key(Some(key_of(&place)))
                .return_values(ReturnValue::AllOld);
            answer(request.send())
        };
        let deleted = connection.read("clear rate limit", attempt).await?;
        let deleted = deleted.attributes.unwrap_or_default();
        Ok(match counter(&limit.limit, &deleted) {
            Some(Counter::Backoff(failures)) => failures.count,
            _ => 0,
        })
    }
}

/// The numbers of a counter: failures, the time of the last one, and the end. A budget has only the latter.
fn numbers(counter: Counter) -> [i64; 3] {
    match counter {
        Counter::Budget { full_at } => [0, 0, full_at.as_microsecond()],
        Counter::Backoff(failures) => [
            failures.count.into(),
            failures.failed_at.as_microsecond(),
            failures.expires_at.as_microsecond(),
        ],
    }
}

/// When a counter has no more effect.
fn end(counter: Counter) -> i64 {
    numbers(counter)[2]
}

fn set(next: Counter) -> Values {
    let names = [":failures", ":failed_at", ":expires_at"];
    names.into_iter().zip(numbers(next)).collect()
}

fn as_it_was(stored: Counter) -> Values {
    let names = [":old_failures", ":old_failed_at", ":old_expires_at"];
    names.into_iter().zip(numbers(stored)).collect()
}

fn counter(limit: &Limit, item: &Item) -> Option<Counter> {
    let value = |name: &str| -> Option<i64> { item.get(name)?.as_n().ok()?.parse().ok() };
    let time = |name: &str| Timestamp::from_microsecond(value(name)?).ok();
    let expires_at = time("expires_at")?;
    Some(match limit {
        Limit::Budget { .. } => Counter::Budget {
            full_at: expires_at,
        },
        Limit::Backoff { .. } => Counter::Backoff(Failures {
            count: u32::try_from(value("failures")?).ok()?,
            failed_at: time("failed_at")?,
            expires_at,
        }),
    })
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}
