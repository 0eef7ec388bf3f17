//! One connection's seat: what it does, whether it waits for its client or its client for us, and when
//! one of the two has waited long enough (H-05).
//!
//! A connection waits that has said nothing yet, is half way through a head or a body, has had its
//! answer, or does not read it. A request is told of by its [`Visit`]. It knows nothing of sockets and of
//! HTTP; it is told what happens. How many seats there are, and who makes room, [`seats`](super::seats)
//! knows; whoever holds a seat's lock never asks for theirs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::seats::{Origin, Seats};

/// How long a connection may wait for its next request (H-05).
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long an answer may take to be read, from its first byte on; and how many bytes of a long one give
/// it a second more, so that who reads on an ordinary line reads to its end.
const ANSWER: Duration = Duration::from_secs(60);
const BYTES_A_SECOND: u64 = 8 * 1024;
/// How long nothing of what is written may be taken.
const STALL: Duration = Duration::from_secs(20);
/// The same once the server stops.
const STALL_AT_THE_END: Duration = Duration::from_secs(3);
/// How long nothing may be asked then.
const IDLE_AT_THE_END: Duration = Duration::from_secs(2);

/// What a connection and the room know of it.
pub(super) struct Chair {
    pub(super) id: u64,
    /// None where it speaks for many.
    pub(super) origin: Option<Arc<Origin>>,
    /// Told when it has to go.
    pub(super) leave: Notify,
    state: Mutex<State>,
}

/// How it stands.
pub(super) struct State {
    /// Since when it waits for its client, where it does.
    pub(super) since: Instant,
    /// Where it stands in the queues, which only the room changes.
    pub(super) queued: Option<Instant>,
    has_gone: bool,
    /// It ends with something unfinished that it is to blame for.
    is_cut_off: bool,
    has_asked: bool,
    /// Since when the client takes nothing of what is written.
    stalled: Option<Instant>,
    /// Those that were begun and whose answers have not gone out.
    requests: Vec<Request>,
    next: u64,
}

struct Request {
    number: u64,
    stage: Stage,
}

/// How far a request has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its body comes in.
    Coming { since: Instant },
    /// This server works on it.
    AtWork,
    /// Its answer goes out.
    Answered { since: Instant, bytes: u64 },
}

impl Stage {
    /// Since when its client is waited for.
    fn waits_since(self) -> Option<Instant> {
        match self {
            Self::Coming { since } | Self::Answered { since, .. } => Some(since),
            Self::AtWork => None,
        }
    }

    /// When it is too late for the rest of an answer.
    fn end(self, is_stopping: bool) -> Option<Instant> {
        let Self::Answered { since, bytes } = self else {
            return None;
        };
        Some(match is_stopping {
            true => since + STALL_AT_THE_END,
            false => since + ANSWER + Duration::from_secs(bytes / BYTES_A_SECOND),
        })
    }
}

impl Chair {
    pub(super) fn new(id: u64, origin: Option<Arc<Origin>>) -> Self {
        Self {
            id,
            origin,
            leave: Notify::new(),
            state: Mutex::new(State {
                since: Instant::now(),
                queued: None,
                has_gone: false,
                is_cut_off: false,
                has_asked: false,
                stalled: None,
                requests: Vec::new(),
                next: 0,
            }),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn is_waiting(&self) -> bool {
        let is_at_work = |request: &Request| request.stage == Stage::AtWork;
        self.stalled.is_some() || !self.requests.iter().any(is_at_work)
    }

    /// Whether it has had its answers, and asks nothing.
    pub(super) fn is_idle(&self) -> bool {
        self.has_asked && self.requests.is_empty()
    }

    /// Since when requests of it wait for their client, where they are more than those that are worked on;
    /// and how many requests would go with it.
    pub(super) fn held_up(&self) -> Option<(Instant, usize)> {
        let requests = self.requests.iter();
        let waiting = requests.filter_map(|request| request.stage.waits_since());
        let all = self.requests.len();
        let is_most = 2 * waiting.clone().count() > all;
        waiting.min().filter(|_| is_most).map(|since| (since, all))
    }

    /// It counts no longer; how many requests it has left behind.
    pub(super) fn leave(&mut self) -> usize {
        self.has_gone = true;
        self.is_cut_off |= !self.requests.is_empty();
        std::mem::take(&mut self.requests).len()
    }
}

/// A place for one connection, given back with the last clone.
#[derive(Clone)]
pub struct Seat(Arc<Held>);

struct Held {
    chair: Arc<Chair>,
    seats: Arc<Seats>,
}

/// What is to become of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// To be looked at again then.
    Until(Instant),
    /// Nothing has been asked for too long.
    Idle,
    /// What it was sent is not read.
    Stalled,
}

impl Seat {
    pub(super) fn new(seats: Arc<Seats>, chair: Arc<Chair>) -> Self {
        Self(Arc::new(Held { chair, seats }))
    }

    /// When it has to go, at once.
    pub async fn sent_off(&self) {
        self.0.chair.leave.notified().await;
    }

    /// A request has come in. None where there are too many: every address has its share.
    pub fn begin(&self) -> Option<Visit> {
        let Held { chair, seats } = &*self.0;
        let origin = chair.origin.as_deref();
        seats.begin(origin).ok()?;
        let mut state = chair.state();
        if state.has_gone {
            seats.ended(origin, 1);
            return None;
        }
        let number = state.next;
        state.next += 1;
        // From now on it is this request that is waited for.
        state.since = Instant::now();
        state.has_asked = true;
        let stage = Stage::Coming { since: state.since };
        state.requests.push(Request { number, stage });
        drop(state);
        let seat = self.clone();
        Some(Visit { seat, number })
    }

    /// The client takes nothing of what is written.
    pub fn stalled(&self) {
        let now = Instant::now();
        self.change(|state| {
            state.stalled = Some(now);
            state.since = now;
        });
    }

    /// It does again.
    pub fn flowing(&self) {
        self.change(|state| state.stalled = None);
    }

    /// What is to become of it, if nothing happens.
    pub fn patience(&self, is_stopping: bool) -> Patience {
        let now = Instant::now();
        let state = self.0.chair.state();
        if state.has_gone {
            return Patience::Until(now + KEEP_ALIVE);
        }
        let stall = if is_stopping { STALL_AT_THE_END } else { STALL };
        let stalled = state.stalled.map(|since| since + stall);
        let requests = state.requests.iter();
        let answers = requests.filter_map(|request| request.stage.end(is_stopping));
        let ends = stalled.into_iter().chain(answers).min();
        if ends.is_some_and(|end| end <= now) {
            return Patience::Stalled;
        }
        let idle = if is_stopping {
            IDLE_AT_THE_END
        } else {
            KEEP_ALIVE
        };
        let idle = state.since + idle;
        let asks_nothing = state.requests.is_empty();
        if asks_nothing && idle <= now {
            return Patience::Idle;
        }
        // What is not there yet may begin right now.
        let soonest = now + stall;
        let next = ends.map_or(soonest, |end| end.min(soonest));
        let idle = if asks_nothing { idle } else { next };
        Patience::Until(next.min(idle))
    }

    /// It was sent away for taking too long.
    pub fn was_slow(&self) {
        self.0.chair.state().is_cut_off = true;
        self.0.seats.was_slow();
    }

    /// Whether what it was sent is not to be kept for it.
    pub fn was_cut_off(&self) -> bool {
        self.0.chair.state().is_cut_off
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let Held { chair, seats } = &*self.0;
        let mut state = chair.state();
        change(&mut state);
        let waits_unseen = state.queued.is_none() && !state.has_gone && state.is_waiting();
        drop(state);
        if waits_unseen {
            seats.queue(chair);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.seats.left(&self.chair);
    }
}

/// One request, until its answer has gone out.
pub struct Visit {
    seat: Seat,
    number: u64,
}

impl Visit {
    /// It is in, as far as it is wanted: from now on it is this server that is waited for.
    pub fn is_in(&self) {
        self.change(|_, stage| {
            if matches!(stage, Stage::Coming { .. }) {
                *stage = Stage::AtWork;
            }
        });
    }

    /// There is an answer, which goes out from now on.
    pub fn answered(&self) {
        let (since, bytes) = (Instant::now(), 0);
        self.change(|seated_since, stage| {
            *stage = Stage::Answered { since, bytes };
            *seated_since = since;
        });
    }

    /// So much more of it goes out.
    pub fn wrote(&self, count: usize) {
        self.change(|_, stage| {
            if let Stage::Answered { bytes, .. } = stage {
                *bytes += count as u64;
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Instant, &mut Stage)) {
        self.seat.change(|state| {
            let mut requests = state.requests.iter_mut();
            if let Some(own) = requests.find(|request| request.number == self.number) {
                change(&mut state.since, &mut own.stage);
            }
        });
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let Held { chair, seats } = &*self.seat.0;
        let mut was_there = false;
        self.seat.change(|state| {
            let mut requests = state.requests.iter();
            let own = requests.position(|request| request.number == self.number);
            // Who has been sent off took its requests along.
            if let Some(own) = own {
                state.requests.remove(own);
                state.since = Instant::now();
                was_there = true;
            }
        });
        if was_there {
            seats.ended(chair.origin.as_deref(), 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listener::seats::Limits;

    fn at_work(seat: &Seat) -> Visit {
        let visit = seat.begin().unwrap();
        visit.is_in();
        visit
    }

    /// H-05: nobody keeps a seat for ever.
    #[tokio::test(start_paused = true)]
    async fn patience_ends_with_who_asks_nothing_and_who_reads_nothing() {
        let limits = Limits {
            connections: 3,
            per_address: 3,
            trusted: "".parse().unwrap(),
        };
        let seats = Seats::new(limits, None);
        let seat = seats.take([10, 0, 0, 1].into()).unwrap();
        let advance = |seconds| tokio::time::advance(Duration::from_secs(seconds));
        advance(74).await;
        assert!(matches!(seat.patience(false), Patience::Until(_)));
        advance(1).await;
        assert_eq!(seat.patience(false), Patience::Idle);
        let visit = at_work(&seat);
        advance(100).await;
        assert!(matches!(seat.patience(false), Patience::Until(_)));
        visit.answered();
        advance(59).await;
        assert!(matches!(seat.patience(false), Patience::Until(_)));
        assert_eq!(seat.patience(true), Patience::Stalled);
        advance(1).await;
        assert_eq!(seat.patience(false), Patience::Stalled);
        drop(visit);
        // A long one that is read has longer, by its bytes.
        let visit = at_work(&seat);
        visit.answered();
        visit.wrote(usize::try_from(30 * BYTES_A_SECOND).unwrap());
        advance(89).await;
        assert!(matches!(seat.patience(false), Patience::Until(_)));
        advance(1).await;
        assert_eq!(seat.patience(false), Patience::Stalled);
        drop(visit);
        seat.stalled();
        advance(19).await;
        assert!(matches!(seat.patience(false), Patience::Until(_)));
        advance(1).await;
        assert_eq!(seat.patience(false), Patience::Stalled);
        seat.flowing();
        assert!(matches!(seat.patience(false), Patience::Until(_)));
    }
}
