//! Rate limit counters, an item for each: the arithmetic of `doorward_domain::limits`.
//!
//! The first update of an attempt assumes that nothing is counted, which is so for most keys; otherwise its refusal contains
//! the counter. A budget then grows by one number, so that attempts do not conflict, however many arrive at the same time. A
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
use doorward_domain::limits::{Counter, Failures, interval, restored, take};
use doorward_domain::ports::{Decision, KeyedLimit, Limit, RateLimits, StoreError};
use doorward_domain::tokens::CounterKeys;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::DynamoStore;
use crate::client::{Backoff, Connection, LIMIT, answer, fault_of};
use crate::item::{Item, TTL, key_of};
use crate::layout::Place;

const ACQUIRE: &str = "acquire rate limit";
const RELEASE: &str = "release rate limit";
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
        let name = name.as_bytes().iter().map(|byte| format!("{byte:02x}"));
        Place {
            partition: format!("limit/{}", name.collect::<String>()),
            sort: vec![0],
        }
    }

    /// Updates a counter, which then has an effect until `ends_at`. If the condition does not hold, returns the stored one.
    async fn update(
        &self,
        place: &Place,
        (set, when): (&str, &str),
        values: &Values,
        ends_at: Timestamp,
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
                .expression_attribute_values(":ttl", number(ends_at.as_second() + KEPT))
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

    /// `None` if the counter has changed in between.
    async fn acquire_once(
        &self,
        limit: &KeyedLimit,
        now: Timestamp,
    ) -> Result<Option<Decision>, StoreError> {
        let place = self.place(limit);
        let mut stored = None;
        loop {
            let (next, remaining) = match take(&limit.limit, stored, now) {
                Ok(taken) => taken,
                Err(retry_after) => return Ok(Some(Decision::Denied { retry_after })),
            };
            let (expressions, values) = match (stored, &limit.limit) {
                (None, _) => {
                    let now = (":now", now.as_microsecond());
                    ((SET, NOTHING_COUNTED), [set(next), vec![now]].concat())
                }
                (Some(_), Limit::Budget { rate, .. }) => {
                    let step = micros(interval(*rate));
                    let most = now.as_microsecond() + micros(rate.window) - step;
                    let values = vec![
                        (":step", step),
                        (":now", now.as_microsecond()),
                        (":most", most),
                    ];
                    let set = "expires_at = expires_at + :step";
                    ((set, "expires_at > :now AND expires_at <= :most"), values)
                }
                (Some(stored), Limit::Backoff { .. }) => {
                    ((SET, AS_IT_WAS), [set(next), as_it_was(stored)].concat())
                }
            };
            let ends_at = failures(next).expires_at;
            let updated = self.update(&place, expressions, &values, ends_at).await?;
            match updated {
                Ok(()) => return Ok(Some(Decision::Allowed { remaining })),
                Err(item) if stored.is_none() => stored = counter(&limit.limit, &item),
                Err(_) => return Ok(None),
            }
            if stored.is_none() {
                return Ok(None);
            }
        }
    }

    /// Returns `true` once it is released.
    async fn release_once(&self, limit: &KeyedLimit, now: Timestamp) -> Result<bool, StoreError> {
        let place = self.place(limit);
        let items = self.connection.get(RELEASE, vec![place.clone()]).await?;
        let stored = items.first().and_then(|item| counter(&limit.limit, item));
        let Some(stored) = stored else {
            return Ok(true);
        };
        if let Limit::Budget { rate, .. } = limit.limit {
            let set = "expires_at = expires_at - :step";
            let values = vec![(":step", micros(interval(rate)))];
            let when = "attribute_exists(expires_at)";
            let ends_at = failures(stored).expires_at;
            self.update(&place, (set, when), &values, ends_at)
                .await?
                .ok();
            return Ok(true);
        }
        // A counter that has expired counts nothing.
        let nothing = Failures {
            count: 0,
            expires_at: now,
            ..failures(stored)
        };
        let next = restored(&limit.limit, stored, now).unwrap_or(Counter::Backoff(nothing));
        let values = [set(next), as_it_was(stored)].concat();
        let ends_at = failures(next).expires_at;
        let updated = self
            .update(&place, (SET, AS_IT_WAS), &values, ends_at)
            .await?;
        Ok(updated.is_ok())
    }
}

#[async_trait]
impl RateLimits for DynamoRateLimits {
    async fn acquire(&self, limit: &KeyedLimit, now: Timestamp) -> Result<Decision, StoreError> {
        let deadline = Instant::now() + LIMIT;
        let mut wait = Backoff::default();
        loop {
            if let Some(decision) = self.acquire_once(limit, now).await? {
                return Ok(decision);
            }
            if !wait.wait(deadline).await {
                return Err(StoreError::new(ACQUIRE, "too many attempts at once"));
            }
        }
    }

    async fn release(&self, limit: &KeyedLimit, now: Timestamp) -> Result<(), StoreError> {
        let deadline = Instant::now() + LIMIT;
        let mut wait = Backoff::default();
        while !self.release_once(limit, now).await? {
            if !wait.wait(deadline).await {
                return Err(StoreError::new(RELEASE, "too many attempts at once"));
            }
        }
        Ok(())
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

/// The numbers of a counter. Those of a budget are its time.
fn failures(counter: Counter) -> Failures {
    match counter {
        Counter::Backoff(failures) => failures,
        Counter::Budget { full_at } => Failures {
            count: 0,
            failed_at: Timestamp::UNIX_EPOCH,
            expires_at: full_at,
        },
    }
}

fn set(next: Counter) -> Values {
    let Failures {
        count,
        failed_at,
        expires_at,
    } = failures(next);
    vec![
        (":failures", count.into()),
        (":failed_at", failed_at.as_microsecond()),
        (":expires_at", expires_at.as_microsecond()),
    ]
}

fn as_it_was(stored: Counter) -> Values {
    let Failures {
        count,
        failed_at,
        expires_at,
    } = failures(stored);
    vec![
        (":old_failures", count.into()),
        (":old_failed_at", failed_at.as_microsecond()),
        (":old_expires_at", expires_at.as_microsecond()),
    ]
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
