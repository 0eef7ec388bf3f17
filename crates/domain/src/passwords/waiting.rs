//! Who waits for a password to be hashed, and whose turn is next (P-10, A-08).
//!
//! Everybody has a line of their own: a known device or a session by its account, a stranger by the
//! network. The lines take turns, so that whoever comes alone waits for one hash of each of the others,
//! however many each of these has waiting. Where there is no room, the newest of the longest line makes
//! some for whoever has less; nobody is sent away for one who would then have as much. Whoever is known
//! comes before strangers, who have every fourth turn, so that a crowd of accounts shuts nobody out.
//!
//! Here nobody knows what a hash is. To change who is counted as one: [`Asker::of`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::ctx::{Actor, Ctx};
use crate::fair;
use crate::limits::network_key;
use crate::values::UserId;

/// How long a password waits for its turn: an answer is there within five seconds (P-10).
pub(super) const PATIENCE: Duration = Duration::from_secs(4);
/// After so many turns of those who are known in a row comes a stranger's.
const KNOWN_IN_A_ROW: usize = 3;

/// For whom passwords are hashed in one request.
#[derive(Debug, Clone)]
pub struct Asker {
    who: Who,
    since: Instant,
}

/// Whose line one waits in.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    /// Has signed in to this account before.
    Known(UserId),
    /// Anybody from that network.
    Stranger(String),
    /// Has no address: a line for each, so that nobody is counted with all others.
    Unnamed,
}

impl Asker {
    /// Whoever asks: by the account of their session, else by their network.
    pub fn of(ctx: &Ctx) -> Self {
        let network = ctx.client.address.map(network_key);
        Self::now(match &ctx.actor {
            Actor::User { id, .. } => Who::Known(*id),
            _ => network.map_or(Who::Unnamed, Who::Stranger),
        })
    }

    /// A known device of that account.
    pub(crate) fn known(user_id: UserId) -> Self {
        Self::now(Who::Known(user_id))
    }

    fn now(who: Who) -> Self {
        // Monotonic time, by which nobody waits too long; no rule hangs on it, so it comes by no port.
        let since = Instant::now();
        Self { who, since }
    }

    fn is_known(&self) -> bool {
        matches!(self.who, Who::Known(_))
    }
}

/// What becomes of one who comes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Welcome<J> {
    /// Waits.
    Waits,
    /// Waits in the place of this one, who is sent away.
    InPlaceOf(J),
    /// Is sent away.
    Refused(J),
}

/// All that wait.
#[derive(Debug)]
pub(super) struct Waiting<J> {
    known: Lines<J>,
    strangers: Lines<J>,
    known_in_a_row: usize,
    came: u64,
}

/// The lines of those who are known, or of strangers; the first one's turn is next.
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
    /// The how manieth to come.
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

    /// One more, where `free` places are left.
    pub(super) fn welcome(&mut self, asker: &Asker, job: J, free: usize) -> Welcome<J> {
        let own = self.lines_of(asker).waiting_of(&asker.who);
        if fair::may_have_one_more(own, free) {
            self.join(asker, job);
            return Welcome::Waits;
        }
        let Some(sent_away) = self.make_room(asker, own) else {
            return Welcome::Refused(job);
        };
        self.join(asker, job);
        Welcome::InPlaceOf(sent_away)
    }

    /// Whose turn it is.
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

    /// Those who have waited for longer than anybody shall.
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

    /// The newest of the longest line goes, where that one is longer than the asker's will be. The first of
    /// a known account has a stranger's place in any case, up to half of all.
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

    /// How long the longest line is, of several the one that grew last, and the number of who came last.
    fn longest(&self) -> Option<(usize, u64)> {
        let length = |line: &Line<J>| Some((line.waiting.len(), line.waiting.back()?.number));
        self.0.iter().filter_map(length).max()
    }

    /// The newest of the longest line.
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
            // The second hash of a request is as old as its first, and may stand behind younger ones.
            let (gone, kept): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut line.waiting)
                .into_iter()
                .partition(is_late);
            line.waiting = kept;
            late.extend(gone.into_iter().map(|one| one.job));
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

    /// What is left of `capacity` places.
    fn free<J>(waiting: &Waiting<J>, capacity: usize) -> usize {
        capacity - waiting.known.count() - waiting.strangers.count()
    }

    /// All places are taken by strangers of so many networks, who come in turns.
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

    /// P-10, T-FLOOD: a flood from one network leaves half of the places to others.
    #[test]
    fn one_network_never_has_all_places() {
        let waiting = crowded(258, 1);
        assert_eq!(waiting.strangers.count(), 129);
        assert_eq!(crowded(258, 2).strangers.count(), 172);
    }

    /// P-10, A-08: where networks have taken all places, whoever comes alone sends the newest of the longest
    /// line away, and waits for one hash of each network.
    #[test]
    fn one_who_comes_alone_has_a_place_and_soon_a_turn() {
        let mut waiting = crowded(258, 40);
        while free(&waiting, 258) > 0 {
            let left = free(&waiting, 258);
            // As if each had come before the others pressed.
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

    /// P-10: nobody is sent away for one who would have as much then; by the last place of all a network
    /// cannot push out another's only one.
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

    /// whoever is known comes before strangers, at whatever length of theirs.
    #[test]
    fn a_known_device_comes_before_strangers() {
        let mut waiting = Waiting::new();
        for number in 0..8 {
            waiting.join(&network(number), number);
        }
        assert_eq!(waiting.welcome(&account(1), 100, 0), Welcome::InPlaceOf(7));
        assert_eq!(waiting.next(), Some(100));
    }

    /// P-10, T-FLOOD: a crowd of accounts has half of the places and three turns of four; of one account
    /// only the first goes before strangers.
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

    /// P-10: nobody waits for longer than four seconds, wherever they stand.
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

    /// those whom nobody names are counted each by itself.
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
