//! Lists of audit events.

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

use super::{AuditEvent, AuditKind, AuditRecord, Outcome, actor_id};
use crate::store::{Condition, Query, ReadStore, Records, StoreError, Value};
use crate::values::{AuditEventId, UserId};

/// How long a break of the audit log is reported.
const BREAKS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Filter for a list of events, newest first.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only events about this user.
    pub user_id: Option<UserId>,
    /// Only events that this user has caused.
    pub actor_id: Option<UserId>,
    /// Only events of this kind.
    pub event: Option<AuditKind>,
    /// Only events with this outcome.
    pub outcome: Option<Outcome>,
    /// Only events of clients in this network. No index serves it: the query returns the others, too.
    pub network: Option<IpNet>,
    /// No [views](AuditKind::VIEWS). The query returns them, too.
    pub without_views: bool,
    /// Only events at this time or later.
    pub since: Option<Timestamp>,
    /// Only events before this time.
    pub until: Option<Timestamp>,
    /// Only events older than this one.
    pub before: Option<AuditEventId>,
    /// Maximum number of events.
    pub limit: usize,
}

/// A page of a list. One of a network, without views, or with several filters but no user can have fewer events than its limit
/// although more follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPage {
    /// The events, newest first.
    pub events: Vec<AuditEvent>,
    /// The events of the next page are older than this one; `None` at the end of the list.
    pub next: Option<AuditEventId>,
}

impl AuditFilter {
    /// Returns when a worker last found a checkpoint that was modified, if it was in the last 30 days.
    pub(crate) async fn seal_broken_at(
        store: &dyn ReadStore,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let breaks = Self {
            event: Some(AuditKind::SealBroken),
            since: Some(now - BREAKS),
            limit: 1,
            ..Self::default()
        };
        let breaks: Vec<AuditEvent> = store.list_readable(breaks.query()).await?;
        Ok(breaks.first().map(|event| event.at))
    }

    /// Returns `true` if the [query](Self::query) returns events that the filter does not accept.
    pub(crate) fn skips_events(&self) -> bool {
        let has_other_filters = self.user_id.is_none() && self.selections().len() > 1;
        self.network.is_some() || self.without_views || has_other_filters
    }

    /// Returns `true` if the event is what the filter selects. The [query](Self::query) has decided about the user and the times.
    pub(crate) fn accepts(&self, event: &AuditEvent) -> bool {
        if self.without_views && AuditKind::VIEWS.contains(&event.event) {
            return false;
        }
        let address = event.address.map(|address| address.to_canonical());
        let is_in = |network: IpNet| address.is_some_and(|address| network.contains(&address));
        self.network.is_none_or(is_in)
            && self.event.is_none_or(|kind| event.event == kind)
            && self.outcome.is_none_or(|outcome| event.outcome == outcome)
            && self
                .actor_id
                .is_none_or(|id| actor_id(&event.actor) == Some(id))
    }

    /// The indexes that the filter can use, with their values. The first one usually selects the fewest events: a user has few,
    /// an admin more, and most events are successful.
    fn selections(&self) -> Vec<(&'static [&'static str], Value)> {
        let outcome = |wanted: Outcome| {
            let outcome = self.outcome.filter(|outcome| *outcome == wanted);
            outcome.map(|outcome| outcome.as_str().into())
        };
        let all: [(&'static [&'static str], Option<Value>); 5] = [
            (&["user_id"], self.user_id.map(Value::from)),
            (&["actor_id"], self.actor_id.map(Value::from)),
            (&["outcome"], outcome(Outcome::Failure)),
            (&["event"], self.event.map(|event| event.as_str().into())),
            (&["outcome"], outcome(Outcome::Success)),
        ];
        let selected = |(index, value): (_, Option<Value>)| value.map(|value| (index, value));
        all.into_iter().filter_map(selected).collect()
    }

    /// The events in the order of the index that selects the fewest. The store applies the other filters only to the events of
    /// a user: among others, it could read millions of events to find few.
    pub fn query(&self) -> Query {
        let mut selections = self.selections().into_iter();
        let query = match selections.next() {
            Some((index, value)) => by(index).equal(value),
            None => by(&[]),
        };
        let others = selections.filter(|_| self.user_id.is_some());
        let query = others.fold(query, |query, (index, value)| {
            query.only(Condition::is(index[0], value))
        });
        self.within(query)
    }

    /// The events about this user, and those by this user: two queries, one per index.
    pub fn of_user(user_id: UserId, before: Option<AuditEventId>, limit: usize) -> [Query; 2] {
        let filter = Self {
            before,
            limit,
            ..Self::default()
        };
        [by(&["user_id"]), by(&["actor_id"])].map(|query| filter.within(query.equal(user_id)))
    }

    /// The activity of a user, newest first: the successful events about the user of the kinds that the user sees.
    pub fn activity(user_id: UserId, before: Option<AuditEventId>, limit: usize) -> Query {
        let filter = Self {
            before,
            limit,
            ..Self::default()
        };
        let kinds = AuditKind::ACTIVITY.iter().map(|kind| kind.as_str().into());
        let of_user = by(&["user_id"]).equal(user_id);
        let of_user = of_user.only(Condition::is("outcome", Outcome::Success.as_str()));
        filter.within(of_user.only(Condition::one_of("event", kinds)))
    }

    /// The successful sign-ins of a user, newest first.
    pub fn sign_ins(user_id: UserId, limit: usize) -> Query {
        let filter = Self {
            user_id: Some(user_id),
            event: Some(AuditKind::SignIn),
            outcome: Some(Outcome::Success),
            limit,
            ..Self::default()
        };
        filter.query()
    }

    /// The failed sign-ins of a user at this time or later, newest first.
    pub fn failed_sign_ins(user_id: UserId, since: Option<Timestamp>, limit: usize) -> Query {
        let filter = Self {
            user_id: Some(user_id),
            event: Some(AuditKind::SignIn),
            outcome: Some(Outcome::Failure),
            since,
            limit,
            ..Self::default()
        };
        filter.query()
    }

    /// The newest lockout of a user after wrong passwords or codes, at this time or later. `detail` is that of its event.
    pub fn lockout(user_id: UserId, detail: &'static str, since: Option<Timestamp>) -> Query {
        let filter = Self {
            user_id: Some(user_id),
            event: Some(AuditKind::Throttled),
            since,
            limit: 1,
            ..Self::default()
        };
        let lockouts = filter.query();
        lockouts.only(Condition::is("detail", detail))
    }

    /// The part of a query between the times, newest first. Ids sort by time, to the millisecond.
    fn within(&self, mut query: Query) -> Query {
        let mut highest = match self.before.map(|id| id.before()) {
            Some(None) => return query.limit(0),
            Some(highest) => highest,
            None => None,
        };
        if let Some(until) = self.until {
            let end = AuditEventId::first_at(after_millisecond(until)).before();
            highest = [highest, end].into_iter().flatten().min();
            let last = until.as_microsecond().saturating_sub(1);
            query = query.only(Condition::at_most("occurred_at", last));
        }
        if let Some(since) = self.since {
            if let Some(lowest) = AuditEventId::first_at(since).before() {
                query = query.above(lowest);
            }
            let before = since.as_microsecond().saturating_sub(1);
            query = query.only(Condition::above("occurred_at", before));
        }
        if let Some(highest) = highest {
            query = query.at_most(highest);
        }
        query.descending().limit(self.limit)
    }
}

/// The events in the order of an index.
fn by(index: &'static [&'static str]) -> Query {
    Query::by::<AuditRecord>(index)
}

fn after_millisecond(at: Timestamp) -> Timestamp {
    let next = at.saturating_add(SignedDuration::from_millis(1));
    next.unwrap_or(at)
}
