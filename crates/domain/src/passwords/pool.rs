//! The threads that hash: few, bounded, below the server's priority.
//!
//! A sign-in costs a core for some milliseconds and 19 MiB. As many run at once as there are
//! threads; as many wait as the queue holds; of one more, either it or the newest of whoever has the most
//! waiting is refused at once, so that a flood of sign-ins neither fills the memory nor delays anything
//! else, nor shuts anybody out (P-10). No longer queue is let grow than moves on within a few seconds;
//! who has had to wait longer in spite of that is refused. Who is next is for `waiting` to say.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::argon2id::{Engine, Worker};
use super::waiting::{Asker, PATIENCE, Waiting, Welcome};
use crate::error::Error;
use crate::happening::Happening;
use crate::ports::{Meter, Unmetered};

/// How long a thread keeps the memory of its last hash. Under load it is reused, because page faults cost more
/// than a hash.
const RELEASE_AFTER: Duration = Duration::from_secs(60);
/// How much the last job counts for, among those before it: one part of so many.
const MEMORY: u64 = 8;

type Job = Box<dyn FnOnce(Turn<'_>) + Send>;

/// What becomes of one that waits.
enum Turn<'a> {
    /// It is hashed by this one.
    Comes(&'a mut Worker),
    /// It never comes, and whoever asks is told.
    Refused,
}

pub(super) struct Pool {
    shared: Arc<Shared>,
    capacity: usize,
    threads: usize,
    meter: Arc<dyn Meter>,
}

struct Shared {
    state: Mutex<State>,
    arrived: Condvar,
    unfinished: AtomicUsize,
    /// How long a job takes, in microseconds, of late.
    usual: AtomicU64,
}

struct State {
    waiting: Waiting<Job>,
    closed: bool,
}

impl Shared {
    /// So long did a job take.
    fn note(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let before = match self.usual.load(Ordering::Relaxed) {
            0 => took,
            before => before,
        };
        let usual = (before.saturating_mul(MEMORY - 1)).saturating_add(took) / MEMORY;
        self.usual.store(usual, Ordering::Relaxed);
    }

    /// Tells those who have waited too long; no job hears of it under the lock.
    fn refuse_late(&self) {
        let late = self.state().waiting.take_late(Instant::now());
        for job in late {
            job(Turn::Refused);
        }
    }

    /// Waits for the next job. Calls `idle` once if none arrives within `patience`. `None` when the pool is closed.
    fn next(&self, patience: Duration, idle: impl FnOnce()) -> Option<Job> {
        let (deadline, mut idle) = (Instant::now() + patience, Some(idle));
        loop {
            self.refuse_late();
            let mut state = self.state();
            if let Some(job) = state.waiting.next() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            if idle.is_none() {
                let waited = self.arrived.wait(state);
                drop(waited.unwrap_or_else(PoisonError::into_inner));
                continue;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let waited = self.arrived.wait_timeout(state, left);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
            if Instant::now() >= deadline
                && let Some(idle) = idle.take()
            {
                idle();
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No job runs under the lock, so a panic cannot leave the queue half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the pool, given back when dropped.
struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.unfinished.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Pool {
    /// Starts `threads` threads; `queue` jobs may wait beside those that run.
    pub(super) fn start(threads: usize, queue: usize, engine: Engine) -> Self {
        Self::start_with(threads, queue, engine, RELEASE_AFTER)
    }

    fn start_with(threads: usize, queue: usize, engine: Engine, release_after: Duration) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                waiting: Waiting::new(),
                closed: false,
            }),
            arrived: Condvar::new(),
            unfinished: AtomicUsize::new(0),
            usual: AtomicU64::new(0),
        });
        for number in 0..threads {
            let shared = shared.clone();
            std::thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || serve(&shared, engine, release_after))
                .expect("the system can start a thread at start-up");
        }
        Self {
            shared,
            capacity: queue + threads,
            threads,
            meter: Arc::new(Unmetered),
        }
    }

    /// Tells somebody how long jobs wait and take.
    pub(super) fn metered_by(&mut self, meter: Arc<dyn Meter>) {
        self.meter = meter;
    }

    /// Runs a job on one of the threads; [`Error::Overloaded`] where there is no room for it, at once, or
    /// later where it has to make room for somebody who has less waiting.
    ///
    /// A caller who goes away leaves a job that is skipped when its turn comes.
    pub(super) async fn run<T, F>(&self, asker: &Asker, job: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Worker) -> T + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        self.shared.refuse_late();
        let welcome = {
            let mut state = self.shared.state();
            let free = self.free();
            let job = self.prepared(job, sender);
            state.waiting.welcome(asker, job, free)
        };
        if let Welcome::InPlaceOf(sent_away) | Welcome::Refused(sent_away) = welcome {
            sent_away(Turn::Refused);
        }
        self.shared.arrived.notify_one();
        match receiver.await {
            Ok(output) => output.ok_or(Error::Overloaded),
            Err(_) => Err(Error::Internal("a hashing job panicked")),
        }
    }

    /// A job that has a place, and tells its caller and the meter what became of it.
    fn prepared<T, F>(&self, job: F, sender: oneshot::Sender<Option<T>>) -> Job
    where
        T: Send + 'static,
        F: FnOnce(&mut Worker) -> T + Send + 'static,
    {
        self.shared.unfinished.fetch_add(1, Ordering::AcqRel);
        let place = Place(self.shared.clone());
        // Monotonic time, for figures alone: no rule hangs on it, so it comes by no port.
        let (meter, queued_at) = (self.meter.clone(), Instant::now());
        Box::new(move |turn| {
            // The place is free before the caller hears of it, also where the job panics:
            // whoever has an answer may ask again at once.
            let (sender, place) = (sender, place);
            if sender.is_closed() {
                return;
            }
            let Turn::Comes(worker) = turn else {
                drop(place);
                meter.note(Happening::HashRejected);
                let _ = sender.send(None);
                return;
            };
            let begun_at = Instant::now();
            let waited = begun_at.duration_since(queued_at);
            let output = job(worker);
            let took = begun_at.elapsed();
            place.0.note(took);
            drop(place);
            meter.note(Happening::Hashed { waited, took });
            let _ = sender.send(Some(output));
        })
    }

    /// How many more there may be: none where the last of them would wait too long.
    fn free(&self) -> usize {
        let unfinished = self.shared.unfinished.load(Ordering::Acquire);
        match self.expected_wait(unfinished) > PATIENCE {
            true => 0,
            false => self.capacity.saturating_sub(unfinished),
        }
    }

    /// How long one more would wait, as things have gone of late.
    fn expected_wait(&self, unfinished: usize) -> Duration {
        let ahead = unfinished.saturating_sub(self.threads) as u64;
        let usual = self.shared.usual.load(Ordering::Relaxed);
        Duration::from_micros(usual.saturating_mul(ahead) / self.threads.max(1) as u64)
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn queued(&self) -> usize {
        self.shared.unfinished.load(Ordering::Acquire)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.arrived.notify_all();
    }
}

fn serve(shared: &Shared, engine: Engine, release_after: Duration) {
    lower_priority();
    let mut worker = Worker::new(engine);
    while let Some(job) = shared.next(release_after, || worker.release()) {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            job(Turn::Comes(&mut worker));
        }));
        if outcome.is_err() {
            // The caller learns of it by its dropped channel; the memory may be in any state.
            worker.release();
        }
    }
}

/// Below the threads that answer requests. Without it the hash threads win every second slice
/// of a busy core from a session check.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 10) {
        tracing::debug!(%error, "failed to lower the priority of hash threads");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::super::Cost;
    use super::*;
    use crate::ctx::{Actor, Ctx};
    use crate::ports::Client;

    const CHEAP: Cost = Cost {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };

    fn from(address: &str) -> Asker {
        Asker::of(&Ctx {
            actor: Actor::Anonymous,
            client: Client {
                address: address.parse().ok(),
                ..Client::default()
            },
            request_id: String::new(),
            now: jiff::Timestamp::UNIX_EPOCH,
        })
    }

    fn anybody() -> Asker {
        from("")
    }

    async fn run<T: Send + 'static>(
        pool: &Pool,
        asker: Asker,
        job: impl FnOnce(&mut Worker) -> T + Send + 'static,
    ) -> Result<T, Error> {
        pool.run(&asker, job).await
    }

    /// P-10: at once, and not for good.
    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_recovers() {
        let pool = Arc::new(Pool::start(1, 2, Engine::Portable));
        let (release, gate) = mpsc::channel::<()>();
        let (entered, started) = mpsc::channel::<()>();
        let blocker = tokio::spawn({
            let pool = pool.clone();
            async move {
                run(&pool, anybody(), move |_| {
                    entered.send(()).unwrap();
                    gate.recv().unwrap();
                })
                .await
            }
        });
        tokio::task::spawn_blocking(move || started.recv().unwrap())
            .await
            .unwrap();
        let mut waiting = Box::pin(async {
            tokio::join!(run(&pool, anybody(), |_| 1), run(&pool, anybody(), |_| 2))
        });
        assert!(futures_poll_once(&mut waiting).await.is_none());
        assert!(matches!(
            run(&pool, anybody(), |_| 3).await,
            Err(Error::Overloaded)
        ));
        release.send(()).unwrap();
        let (one, two) = waiting.await;
        assert_eq!((one.unwrap(), two.unwrap()), (1, 2));
        blocker.await.unwrap().unwrap();
        assert_eq!(run(&pool, anybody(), |_| 4).await.unwrap(), 4);
    }

    /// P-10: a queue that is not full and does not move is as good as full.
    #[tokio::test]
    async fn nobody_is_let_wait_for_longer_than_patience_lasts() {
        let pool = Pool::start(1, 100, Engine::Portable);
        for _ in 0..20 {
            pool.shared.note(Duration::from_secs(1));
        }
        let waits = |unfinished| pool.expected_wait(unfinished) > PATIENCE;
        assert!(!waits(0) && !waits(5) && waits(6));
        for _ in 0..100 {
            pool.shared.note(Duration::from_millis(20));
        }
        assert!(!waits(101));
    }

    /// P-10: who has waited too long in spite of that is told, and no work is done for them.
    #[tokio::test]
    async fn whoever_has_waited_too_long_is_refused_without_work() {
        let pool = Arc::new(Pool::start(1, 2, Engine::Portable));
        let blocked = run(&pool, anybody(), |_| {
            let began = Instant::now();
            while began.elapsed() <= PATIENCE {
                std::thread::park_timeout(Duration::from_millis(50));
            }
        });
        let worked = Arc::new(AtomicUsize::new(0));
        let counted = worked.clone();
        let late = run(&pool, anybody(), move |_| {
            counted.fetch_add(1, Ordering::Relaxed)
        });
        let (blocked, late) = tokio::join!(blocked, late);
        assert!(blocked.is_ok() && matches!(late, Err(Error::Overloaded)));
        assert_eq!(worked.load(Ordering::Relaxed), 0);
    }

    /// P-10, A-08: who comes alone has their password hashed, in the place of the newest of a crowd from one
    /// network, which is told at once.
    #[tokio::test]
    async fn a_crowd_makes_room_for_one_who_comes_alone() {
        let pool = Pool::start(1, 8, Engine::Portable);
        let (release, gate) = mpsc::channel::<()>();
        let (entered, started) = mpsc::channel::<()>();
        let mut running = Box::pin(run(&pool, anybody(), move |_| {
            entered.send(()).unwrap();
            gate.recv().unwrap();
        }));
        assert!(futures_poll_once(&mut running).await.is_none());
        started.recv().unwrap();
        let mut asked = Vec::new();
        for address in ["203.0.113.7", "203.0.113.8", "203.0.113.9", "203.0.113.7"]
            .into_iter()
            .chain(["198.51.100.7", "198.51.100.7", "192.0.2.1", "192.0.3.1"])
            .chain(["192.0.4.1"])
        {
            let mut one = Box::pin(run(&pool, from(address), |_| ()));
            assert!(futures_poll_once(&mut one).await.is_none(), "{address}");
            asked.push(one);
        }
        let newest = futures_poll_once(&mut asked[3]).await;
        assert!(matches!(newest, Some(Err(Error::Overloaded))));
        drop(asked.remove(3));
        release.send(()).unwrap();
        running.await.unwrap();
        for one in asked {
            one.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_panicking_job_fails_alone() {
        let pool = Pool::start(1, 2, Engine::Portable);
        let failed = run(&pool, anybody(), |_| panic!("on purpose")).await;
        let _: Result<(), Error> = failed;
        assert_eq!(run(&pool, anybody(), |_| 1).await.unwrap(), 1);
        assert_eq!(pool.queued(), 0);
    }

    #[tokio::test]
    async fn memory_is_reused_under_load_and_released_when_idle() {
        let hash = |worker: &mut Worker| {
            let had_memory = worker.holds_memory();
            worker.hash(b"x", &[1; 16], CHEAP, None);
            had_memory
        };
        for engine in [Engine::Fast, Engine::Portable] {
            let pool = Pool::start(1, 2, engine);
            assert!(!run(&pool, anybody(), hash).await.unwrap());
            assert!(run(&pool, anybody(), hash).await.unwrap());
            // It is released as soon as no job waits.
            let pool = Pool::start_with(1, 2, engine, Duration::ZERO);
            run(&pool, anybody(), hash).await.unwrap();
            let deadline = Instant::now() + Duration::from_secs(60);
            while run(&pool, anybody(), |worker| worker.holds_memory())
                .await
                .unwrap()
            {
                assert!(Instant::now() < deadline);
            }
        }
    }

    async fn futures_poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|cx| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(cx) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
