//! The queue of passwords to hash, and its order (P-10, A-08).
//!
//! Each client has its own line: a known device or a session by its account, an unknown client by its network. The
//! lines take turns, so that a client with one job waits for at most one hash of each other line. If the queue is
//! full, the newest job of the longest line is evicted for a client whose line stays shorter. Known clients come
//! before unknown clients, who have every fourth turn, so that many accounts cannot lock them out.
//!
//! This module does not depend on hashing. To change how clients are grouped: [`Asker::of`].

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
pub struct Asker {
    who: Who,
    since: Instant,
}

/// The key of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    /// A client that has signed in to this account before.
    Known(UserId),
    /// An unknown client in this network.
    Stranger(String),
    /// A client without an address. Each has its own line, so that they are not counted together.
    Unnamed,
}

impl Asker {
    /// Identifies the client by the account of its session, else by its network.
    pub fn of(ctx: &Ctx) -> Self {
        let network = ctx.client.address.map(network_key);
        Self::now(match &ctx.actor {
            Actor::User { id, .. } => Who::Known(*id),
            _ => network.map_or(Who::Unnamed, Who::Stranger),
        })
    }

    /// A known device of this account.
    pub(crate) fn known(user_id: UserId) -> Self {
        Self::now(Who::Known(user_id))
    }

    fn now(who: Who) -> Self {
        // Monotonic time, for the maximum wait only, so it does not come through a port.
        let since = Instant::now();
        Self { who, since }
    }

    fn is_known(&self) -> bool {
        matches!(self.who, Who::Known(_))
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
pub(super) struct Waiting<J> {
    known: Lines<J>,
    strangers: Lines<J>,
    known_in_a_row: usize,
    came: u64,
}

/// The lines of the known or of the unknown clients. The first line has the next turn.
#[derive(Debug)]
struct Lines<J>(VecDeque<Line<J>>);

#[derive(Debug)]
struct Line<J> {
    who: Who,
    waiting: VecDeque<One<J>>,
}

#[derive(Debug)]
struct One<J> {
    job: J,
    since: Instant,
    /// Sequence number.
    number: u64,
}

impl<J> Waiting<J> {
    pub(super) fn new() -> Self {
        Self {
            known: Lines(VecDeque::new()),
            strangers: Lines(VecDeque::new()),
            known_in_a_row: 0,
            came: 0,
        }
    }

    /// Adds a job, if necessary in place of another, or rejects it. `free` is the number of free slots.
    pub(super) fn welcome(&mut self, asker: &Asker, job: J, free: usize) -> Welcome<J> {
        let own = self.lines_of(asker).waiting_of(&asker.who);
        if fair::may_have_one_more(own, free) {
            self.join(asker, job);
            return Welcome::Waits;
        }
        let Some(evicted) = self.make_room(asker, own) else {
            return Welcome::Refused(job);
        };
        self.join(asker, job);
        Welcome::InPlaceOf(evicted)
    }

    /// Removes the next job.
    pub(super) fn next(&mut self) -> Option<J> {
        let is_strangers_turn =
            self.known_in_a_row >= KNOWN_IN_A_ROW && !self.strangers.0.is_empty();
        if !is_strangers_turn && let Some(job) = self.known.next() {
            self.known_in_a_row += 1;
            return Some(job);
        }
        self.known_in_a_row = 0;
        self.strangers.next()
    }

    /// Removes the jobs that have waited too long.
    pub(super) fn take_late(&mut self, now: Instant) -> Vec<J> {
        let mut late = self.known.take_late(now);
        late.extend(self.strangers.take_late(now));
        late
    }

    fn lines_of(&mut self, asker: &Asker) -> &mut Lines<J> {
        match asker.is_known() {
            true => &mut self.known,
            false => &mut self.strangers,
        }
    }

    fn join(&mut self, asker: &Asker, job: J) {
        self.came += 1;
        let one = One {
            job,
            since: asker.since,
            number: self.came,
        };
        self.lines_of(asker).join(&asker.who, one);
    }

    /// Evicts the newest job of the longest line, if that line is longer than the client's will be. The first job
    /// of a known account evicts one of an unknown client in any case, up to half of the queue.
    fn make_room(&mut self, asker: &Asker, own: usize) -> Option<J> {
        let (known, strangers) = (self.known.longest(), self.strangers.longest());
        let is_first = asker.is_known() && own == 0;
        if is_first && strangers.is_some() && self.known.count() < self.strangers.count() {
            return self.strangers.send_away();
        }
        let (longest, _) = known.max(strangers)?;
        if longest <= own + 1 {
            return None;
        }
        match known > strangers {
            true => self.known.send_away(),
            false => self.strangers.send_away(),
        }
    }
}

impl<J> Lines<J> {
    fn count(&self) -> usize {
        self.0.iter().map(|line| line.waiting.len()).sum()
    }

    fn waiting_of(&self, who: &Who) -> usize {
        self.find(who).map_or(0, |at| self.0[at].waiting.len())
    }

    fn find(&self, who: &Who) -> Option<usize> {
        let is_one = |line: &Line<J>| line.who == *who && *who != Who::Unnamed;
        self.0.iter().position(is_one)
    }

    fn join(&mut self, who: &Who, one: One<J>) {
        match self.find(who) {
            Some(at) => self.0[at].waiting.push_back(one),
            None => self.0.push_back(Line {
                who: who.clone(),
                waiting: VecDeque::from([one]),
            }),
        }
    }

    fn next(&mut self) -> Option<J> {
        let mut line = self.0.pop_front()?;
        let one = line.waiting.pop_front()?;
        if !line.waiting.is_empty() {
            self.0.push_back(line);
        }
        Some(one.job)
    }

    /// Length of the longest line and number of its newest job. Of equally long lines, the one with the newest
    /// job.
    fn longest(&self) -> Option<(usize, u64)> {
        let length = |line: &Line<J>| Some((line.waiting.len(), line.waiting.back()?.number));
        self.0.iter().filter_map(length).max()
    }

    /// Removes the newest job of the longest line.
    fn send_away(&mut self) -> Option<J> {
        let (_, number) = self.longest()?;
        let is_it = |line: &Line<J>| {
            line.waiting
                .back()
                .is_some_and(|newest| newest.number == number)
        };
        let at = self.0.iter().position(is_it)?;
        let newest = self.0[at].waiting.pop_back()?;
        self.drop_empty();
        Some(newest.job)
    }

    fn take_late(&mut self, now: Instant) -> Vec<J> {
        let mut late = Vec::new();
        for line in &mut self.0 {
            let is_late = |one: &One<J>| now.saturating_duration_since(one.since) > PATIENCE;
            // The second hash of a request has the time of the first, and may be behind younger jobs.
            let (expired, rest): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut line.waiting)
                .into_iter()
                .partition(is_late);
            line.waiting = rest;
            late.extend(expired.into_iter().map(|one| one.job));
        }
        self.drop_empty();
        late
    }

    fn drop_empty(&mut self) {
        self.0.retain(|line| !line.waiting.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: usize) -> Asker {
        Asker::now(Who::Stranger(format!("10.0.{number}.0/24")))
    }

    fn account(number: u8) -> Asker {
        Asker::known(UserId::from_bytes([number; 16]))
    }

    /// Number of free slots of `capacity`.
    fn free<J>(waiting: &Waiting<J>, capacity: usize) -> usize {
        capacity - waiting.known.count() - waiting.strangers.count()
    }

    /// A queue that unknown clients of `networks` networks fill in turns.
    fn crowded(capacity: usize, networks: usize) -> Waiting<(usize, usize)> {
        let mut waiting = Waiting::new();
        for number in 0.. {
            let (asker, job) = (network(number % networks), (number % networks, number));
            let left = free(&waiting, capacity);
            if waiting.welcome(&asker, job, left) != Welcome::Waits {
                return waiting;
            }
        }
        waiting
    }

    const OWNER: (usize, usize) = (1000, 0);

    /// P-10, T-FLOOD: a flood from one network leaves half of the slots to others.
    #[test]
    fn one_network_never_has_all_places() {
        let waiting = crowded(258, 1);
        assert_eq!(waiting.strangers.count(), 129);
        assert_eq!(crowded(258, 2).strangers.count(), 172);
    }

    /// P-10, A-08: if networks have filled the queue, a new client evicts the newest job of the longest line, and
    /// waits for one hash of each network.
    #[test]
    fn one_who_comes_alone_has_a_place_and_soon_a_turn() {
        let mut waiting = crowded(258, 40);
        while free(&waiting, 258) > 0 {
            let left = free(&waiting, 258);
            // As if each had joined before the others.
            let asker = network(left % 40);
            waiting.join(&asker, (left % 40, 10_000 + left));
        }
        let longest = waiting.strangers.longest();
        let welcome = waiting.welcome(&network(1000), OWNER, 0);
        let Welcome::InPlaceOf((_, newest)) = welcome else {
            panic!("{welcome:?}");
        };
        assert!(
            longest.unwrap().0 >= 6 && newest >= 240,
            "{longest:?} {newest}"
        );
        assert_eq!(free(&waiting, 258), 0);
        let turns = std::iter::from_fn(|| waiting.next());
        assert_eq!(turns.take_while(|job| *job != OWNER).count(), 40);
    }

    /// P-10: no job is evicted for a client whose line would become as long. A network cannot evict the only job
    /// of another.
    #[test]
    fn nobody_is_sent_away_for_an_equal() {
        let mut waiting = Waiting::new();
        for number in 0..8 {
            waiting.join(&network(number), number);
        }
        assert_eq!(waiting.welcome(&network(9), 9, 0), Welcome::Refused(9));
        waiting.join(&network(3), 10);
        assert_eq!(waiting.welcome(&network(3), 11, 0), Welcome::Refused(11));
        assert_eq!(waiting.welcome(&network(9), 9, 0), Welcome::InPlaceOf(10));
        assert_eq!(waiting.welcome(&network(9), 12, 0), Welcome::Refused(12));
    }

    /// a known client comes before unknown clients, regardless of their number.
    #[test]
    fn a_known_device_comes_before_strangers() {
        let mut waiting = Waiting::new();
        for number in 0..8 {
            waiting.join(&network(number), number);
        }
        assert_eq!(waiting.welcome(&account(1), 100, 0), Welcome::InPlaceOf(7));
        assert_eq!(waiting.next(), Some(100));
    }

    /// P-10, T-FLOOD: many known accounts get half of the slots and three of four turns. Only the first job of an
    /// account comes before unknown clients.
    #[test]
    fn known_devices_shut_no_stranger_out() {
        let mut waiting = Waiting::new();
        for number in 0..8 {
            waiting.join(&network(number), number);
        }
        let known = (0..20).filter(|number| {
            let welcome = waiting.welcome(&account(*number), 100, 0);
            matches!(welcome, Welcome::InPlaceOf(_))
        });
        assert_eq!(known.count(), 4);
        assert_eq!(waiting.welcome(&account(0), 101, 0), Welcome::Refused(101));
        let turns: Vec<_> = std::iter::from_fn(|| waiting.next()).collect();
        assert_eq!(turns, [100, 100, 100, 0, 100, 1, 2, 3]);
    }

    /// P-10: no job waits longer than four seconds, at any position.
    #[test]
    fn who_has_waited_for_too_long_is_let_go() {
        let mut waiting = Waiting::new();
        let (early, mut late) = (network(1), network(1));
        late.since = early.since + Duration::from_secs(1);
        waiting.join(&late, "late");
        waiting.join(&early, "early");
        waiting.join(&account(1), "known");
        let at = |millis| early.since + Duration::from_millis(millis);
        assert!(waiting.take_late(at(4000)).is_empty());
        let mut gone = waiting.take_late(at(4900));
        gone.sort_unstable();
        assert_eq!(gone, ["early", "known"]);
        assert_eq!(waiting.next(), Some("late"));
        assert_eq!(waiting.next(), None);
    }

    /// clients without an address are counted separately.
    #[test]
    fn whoever_has_no_address_is_counted_with_nobody() {
        let mut waiting = Waiting::new();
        for number in 0..8 {
            let welcome = waiting.welcome(&Asker::now(Who::Unnamed), number, 8 - number);
            assert_eq!(welcome, Welcome::Waits);
        }
        let welcome = waiting.welcome(&Asker::now(Who::Unnamed), 8, 0);
        assert_eq!(welcome, Welcome::Refused(8));
        let turns: Vec<_> = std::iter::from_fn(|| waiting.next()).collect();
        assert_eq!(turns, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
