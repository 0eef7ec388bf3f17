//! The queue of passwords to hash, and its order (P-10, A-08).
//!
//! Each client has its own lane: a known device or a session by its account, an unknown client by its network. The
//! lanes take turns, so that a client with one job waits for at most one hash of each other lane. If the queue is
//! full, the newest job of the longest lane is evicted for a client whose lane stays shorter. Known clients come
//! before unknown clients, who have every fourth turn, so that many accounts cannot lock them out.
//!
//! This module does not depend on hashing. To change how clients are grouped: [`HashClient::from_ctx`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::ctx::{Actor, Ctx};
use crate::fair;
use crate::limits::network_key;
use crate::values::UserId;

/// Maximum wait of a password, so that a response is sent within five seconds (P-10).
pub(super) const PATIENCE: Duration = Duration::from_secs(4);
/// Number of consecutive turns of known clients after which an unknown client has one.
const KNOWN_IN_A_ROW: usize = 3;

/// The client for which a request hashes passwords.
#[derive(Debug, Clone)]
pub struct HashClient {
    lane: LaneKey,
    since: Instant,
}

/// The key of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
enum LaneKey {
    /// A client that has signed in to this account before.
    Account(UserId),
    /// An unknown client in this network.
    Network(String),
    /// A client without an address. Each has its own lane, so that they are not counted together.
    Unidentified,
}

impl HashClient {
    /// Identifies the client by the account of its session, else by its network.
    pub fn from_ctx(ctx: &Ctx) -> Self {
        let network = ctx.client.address.map(network_key);
        Self::now(match &ctx.actor {
            Actor::User { id, .. } => LaneKey::Account(*id),
            _ => network.map_or(LaneKey::Unidentified, LaneKey::Network),
        })
    }

    /// A known device of this account.
    pub(crate) fn known(user_id: UserId) -> Self {
        Self::now(LaneKey::Account(user_id))
    }

    fn now(lane: LaneKey) -> Self {
        // Monotonic time, for the maximum wait only, so it does not come through a port.
        let since = Instant::now();
        Self { lane, since }
    }

    fn is_known(&self) -> bool {
        matches!(self.lane, LaneKey::Account(_))
    }
}

/// Result of adding a job.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Welcome<J> {
    /// The job waits.
    Waits,
    /// The job waits, and this one is evicted.
    InPlaceOf(J),
    /// The job is rejected.
    Refused(J),
}

/// The queue.
#[derive(Debug)]
pub(super) struct FairQueue<J> {
    known: Lanes<J>,
    unknown: Lanes<J>,
    known_in_a_row: usize,
    came: u64,
}

/// The lanes of the known or of the unknown clients. The first lane has the next turn.
#[derive(Debug)]
struct Lanes<J>(VecDeque<Lane<J>>);

#[derive(Debug)]
struct Lane<J> {
    key: LaneKey,
    jobs: VecDeque<One<J>>,
}

#[derive(Debug)]
struct One<J> {
    job: J,
    since: Instant,
    /// Sequence number.
    number: u64,
}

impl<J> FairQueue<J> {
    pub(super) fn new() -> Self {
        Self {
            known: Lanes(VecDeque::new()),
            unknown: Lanes(VecDeque::new()),
            known_in_a_row: 0,
            came: 0,
        }
    }

    /// Adds a job, if necessary in place of another, or rejects it. `free` is the number of free slots.
    pub(super) fn welcome(&mut self, client: &HashClient, job: J, free: usize) -> Welcome<J> {
        let own = self.lanes_for(client).jobs_of(&client.lane);
        if fair::may_have_one_more(own, free) {
            self.join(client, job);
            return Welcome::Waits;
        }
        let Some(evicted) = self.make_room(client, own) else {
            return Welcome::Refused(job);
        };
        self.join(client, job);
        Welcome::InPlaceOf(evicted)
    }

    /// Removes the next job.
    pub(super) fn next(&mut self) -> Option<J> {
        let is_unknown_turn = self.known_in_a_row >= KNOWN_IN_A_ROW && !self.unknown.0.is_empty();
        if !is_unknown_turn && let Some(job) = self.known.next() {
            self.known_in_a_row += 1;
            return Some(job);
        }
        self.known_in_a_row = 0;
        self.unknown.next()
    }

    /// Removes the jobs that have waited too long.
    pub(super) fn take_late(&mut self, now: Instant) -> Vec<J> {
        let mut late = self.known.take_late(now);
        late.extend(self.unknown.take_late(now));
        late
    }

    fn lanes_for(&mut self, client: &HashClient) -> &mut Lanes<J> {
        match client.is_known() {
            true => &mut self.known,
            false => &mut self.unknown,
        }
    }

    fn join(&mut self, client: &HashClient, job: J) {
        self.came += 1;
        let one = One {
            job,
            since: client.since,
            number: self.came,
        };
        self.lanes_for(client).join(&client.lane, one);
    }

    /// Evicts the newest job of the longest lane, if that lane is longer than the client's will be. The first job
    /// of a known account evicts one of an unknown client in any case, up to half of the queue.
    fn make_room(&mut self, client: &HashClient, own: usize) -> Option<J> {
        let (known, unknown) = (self.known.longest(), self.unknown.longest());
        let is_first = client.is_known() && own == 0;
        if is_first && unknown.is_some() && self.known.count() < self.unknown.count() {
            return self.unknown.send_away();
        }
        let (longest, _) = known.max(unknown)?;
        if longest <= own + 1 {
            return None;
        }
        match known > unknown {
            true => self.known.send_away(),
            false => self.unknown.send_away(),
        }
    }
}

impl<J> Lanes<J> {
    fn count(&self) -> usize {
        self.0.iter().map(|lane| lane.jobs.len()).sum()
    }

    fn jobs_of(&self, key: &LaneKey) -> usize {
        self.find(key).map_or(0, |at| self.0[at].jobs.len())
    }

    fn find(&self, key: &LaneKey) -> Option<usize> {
        let is_one = |lane: &Lane<J>| lane.key == *key && *key != LaneKey::Unidentified;
        self.0.iter().position(is_one)
    }

    fn join(&mut self, key: &LaneKey, one: One<J>) {
        match self.find(key) {
            Some(at) => self.0[at].jobs.push_back(one),
            None => self.0.push_back(Lane {
                key: key.clone(),
                jobs: VecDeque::from([one]),
            }),
        }
    }

    fn next(&mut self) -> Option<J> {
        let mut lane = self.0.pop_front()?;
        let one = lane.jobs.pop_front()?;
        if !lane.jobs.is_empty() {
            self.0.push_back(lane);
        }
        Some(one.job)
    }

    /// Length of the longest lane and number of its newest job. Of equally long lanes, the one with the newest
    /// job.
    fn longest(&self) -> Option<(usize, u64)> {
        let length = |lane: &Lane<J>| Some((lane.jobs.len(), lane.jobs.back()?.number));
        self.0.iter().filter_map(length).max()
    }

    /// Removes the newest job of the longest lane.
    fn send_away(&mut self) -> Option<J> {
        let (_, number) = self.longest()?;
        let is_it = |lane: &Lane<J>| {
            lane.jobs
                .back()
                .is_some_and(|newest| newest.number == number)
        };
        let at = self.0.iter().position(is_it)?;
        let newest = self.0[at].jobs.pop_back()?;
        self.drop_empty();
        Some(newest.job)
    }

    fn take_late(&mut self, now: Instant) -> Vec<J> {
        let mut late = Vec::new();
        for lane in &mut self.0 {
            let is_late = |one: &One<J>| now.saturating_duration_since(one.since) > PATIENCE;
            // The second hash of a request has the time of the first, and may be behind younger jobs.
            let (expired, rest): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut lane.jobs)
                .into_iter()
                .partition(is_late);
            lane.jobs = rest;
            late.extend(expired.into_iter().map(|one| one.job));
        }
        self.drop_empty();
        late
    }

    fn drop_empty(&mut self) {
        self.0.retain(|lane| !lane.jobs.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: usize) -> HashClient {
        HashClient::now(LaneKey::Network(format!("10.0.{number}.0/24")))
    }

    fn account(number: u8) -> HashClient {
        HashClient::known(UserId::from_bytes([number; 16]))
    }

    /// Number of free slots of `capacity`.
    fn free<J>(queue: &FairQueue<J>, capacity: usize) -> usize {
        capacity - queue.known.count() - queue.unknown.count()
    }

    /// A queue that unknown clients of `networks` networks fill in turns.
    fn crowded(capacity: usize, networks: usize) -> FairQueue<(usize, usize)> {
        let mut queue = FairQueue::new();
        for number in 0.. {
            let (client, job) = (network(number % networks), (number % networks, number));
            let left = free(&queue, capacity);
            if queue.welcome(&client, job, left) != Welcome::Waits {
                return queue;
            }
        }
        queue
    }

    const OWNER: (usize, usize) = (1000, 0);

    /// P-10, T-FLOOD: a flood from one network leaves half of the slots to others.
    #[test]
    fn one_network_never_has_all_places() {
        let queue = crowded(258, 1);
        assert_eq!(queue.unknown.count(), 129);
        assert_eq!(crowded(258, 2).unknown.count(), 172);
    }

    /// P-10, A-08: if networks have filled the queue, a new client evicts the newest job of the longest lane, and
    /// waits for one hash of each network.
    #[test]
    fn one_who_comes_alone_has_a_place_and_soon_a_turn() {
        let mut queue = crowded(258, 40);
        while free(&queue, 258) > 0 {
            let left = free(&queue, 258);
            // As if each had joined before the others.
            let client = network(left % 40);
            queue.join(&client, (left % 40, 10_000 + left));
        }
        let longest = queue.unknown.longest();
        let welcome = queue.welcome(&network(1000), OWNER, 0);
        let Welcome::InPlaceOf((_, newest)) = welcome else {
            panic!("{welcome:?}");
        };
        assert!(
            longest.unwrap().0 >= 6 && newest >= 240,
            "{longest:?} {newest}"
        );
        assert_eq!(free(&queue, 258), 0);
        let turns = std::iter::from_fn(|| queue.next());
        assert_eq!(turns.take_while(|job| *job != OWNER).count(), 40);
    }

    /// P-10: no job is evicted for a client whose lane would become as long. A network cannot evict the only job
    /// of another.
    #[test]
    fn nobody_is_sent_away_for_an_equal() {
        let mut queue = FairQueue::new();
        for number in 0..8 {
            queue.join(&network(number), number);
        }
        assert_eq!(queue.welcome(&network(9), 9, 0), Welcome::Refused(9));
        queue.join(&network(3), 10);
        assert_eq!(queue.welcome(&network(3), 11, 0), Welcome::Refused(11));
        assert_eq!(queue.welcome(&network(9), 9, 0), Welcome::InPlaceOf(10));
        assert_eq!(queue.welcome(&network(9), 12, 0), Welcome::Refused(12));
    }

    /// a known client comes before unknown clients, regardless of their number.
    #[test]
    fn a_known_device_comes_before_strangers() {
        let mut queue = FairQueue::new();
        for number in 0..8 {
            queue.join(&network(number), number);
        }
        assert_eq!(queue.welcome(&account(1), 100, 0), Welcome::InPlaceOf(7));
        assert_eq!(queue.next(), Some(100));
    }

    /// P-10, T-FLOOD: many known accounts get half of the slots and three of four turns. Only the first job of an
    /// account comes before unknown clients.
    #[test]
    fn known_devices_shut_no_stranger_out() {
        let mut queue = FairQueue::new();
        for number in 0..8 {
            queue.join(&network(number), number);
        }
        let known = (0..20).filter(|number| {
            let welcome = queue.welcome(&account(*number), 100, 0);
            matches!(welcome, Welcome::InPlaceOf(_))
        });
        assert_eq!(known.count(), 4);
        assert_eq!(queue.welcome(&account(0), 101, 0), Welcome::Refused(101));
        let turns: Vec<_> = std::iter::from_fn(|| queue.next()).collect();
        assert_eq!(turns, [100, 100, 100, 0, 100, 1, 2, 3]);
    }

    /// P-10: no job waits longer than four seconds, at any position.
    #[test]
    fn who_has_waited_for_too_long_is_let_go() {
        let mut queue = FairQueue::new();
        let (early, mut late) = (network(1), network(1));
        late.since = early.since + Duration::from_secs(1);
        queue.join(&late, "late");
        queue.join(&early, "early");
        queue.join(&account(1), "known");
        let at = |millis| early.since + Duration::from_millis(millis);
        assert!(queue.take_late(at(4000)).is_empty());
        let mut gone = queue.take_late(at(4900));
        gone.sort_unstable();
        assert_eq!(gone, ["early", "known"]);
        assert_eq!(queue.next(), Some("late"));
        assert_eq!(queue.next(), None);
    }

    /// clients without an address are counted separately.
    #[test]
    fn whoever_has_no_address_is_counted_with_nobody() {
        let mut queue = FairQueue::new();
        for number in 0..8 {
            let welcome =
                queue.welcome(&HashClient::now(LaneKey::Unidentified), number, 8 - number);
            assert_eq!(welcome, Welcome::Waits);
        }
        let welcome = queue.welcome(&HashClient::now(LaneKey::Unidentified), 8, 0);
        assert_eq!(welcome, Welcome::Refused(8));
        let turns: Vec<_> = std::iter::from_fn(|| queue.next()).collect();
        assert_eq!(turns, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
