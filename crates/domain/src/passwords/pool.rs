//! The threads that hash: few, bounded, below the server's priority.
//!
//! A sign-in costs a core for some milliseconds and 19 MiB. As many run at once as there are
//! threads; as many wait as the queue holds; one more is refused at once, so that a flood of
//! sign-ins neither fills the memory nor delays anything else (P-10). Nobody waits for more than a few
//! seconds either: who would have to is refused at once, and who has had to in spite of that is.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::argon2id::{Engine, Worker};
use crate::error::Error;
use crate::happening::Happening;
use crate::ports::{Meter, Unmetered};

/// How long a password waits for its turn: an answer is there within five seconds (P-10).
const PATIENCE: Duration = Duration::from_secs(4);
/// How much the last job counts for, among those before it: one part of so many.
const MEMORY: u64 = 8;

type Job = Box<dyn FnOnce(&mut Worker) + Send>;

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
    jobs: VecDeque<Job>,
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
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                jobs: VecDeque::with_capacity(queue),
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
                .spawn(move || serve(&shared, engine))
                .expect("the system has a thread to give at start-up");
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

    /// Runs a job on one of the threads; [`Error::Overloaded`] at once where the queue is full.
    ///
    /// A caller who goes away leaves a job that is skipped when its turn comes.
    pub(super) async fn run<T, F>(&self, job: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Worker) -> T + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        {
            let mut state = self.shared.state();
            let unfinished = self.shared.unfinished.load(Ordering::Acquire);
            if unfinished >= self.capacity || self.expected_wait(unfinished) > PATIENCE {
                drop(state);
                return Err(self.refused());
            }
            self.shared.unfinished.fetch_add(1, Ordering::AcqRel);
            let place = Place(self.shared.clone());
            // Monotonic time, for figures alone: no rule hangs on it, so it comes by no port.
            let (meter, queued_at) = (self.meter.clone(), Instant::now());
            state.jobs.push_back(Box::new(move |worker| {
                // The place is free before the caller hears of it, also where the job panics:
                // whoever has an answer may ask again at once.
                let (sender, place) = (sender, place);
                if sender.is_closed() {
                    return;
                }
                let begun_at = Instant::now();
                let waited = begun_at.duration_since(queued_at);
                if waited > PATIENCE {
                    drop(place);
                    meter.note(Happening::HashRefused);
                    let _ = sender.send(None);
                    return;
                }
                let output = job(worker);
                let took = begun_at.elapsed();
                place.0.note(took);
                drop(place);
                meter.note(Happening::Hashed { waited, took });
                let _ = sender.send(Some(output));
            }));
        }
        self.shared.arrived.notify_one();
        match receiver.await {
            Ok(output) => output.ok_or(Error::Overloaded),
            Err(_) => Err(Error::Internal("a hashing job panicked")),
        }
    }

    /// How long one more would wait, as things have gone of late.
    fn expected_wait(&self, unfinished: usize) -> Duration {
        let ahead = unfinished.saturating_sub(self.threads) as u64;
        let usual = self.shared.usual.load(Ordering::Relaxed);
        Duration::from_micros(usual.saturating_mul(ahead) / self.threads.max(1) as u64)
    }

    /// One is refused: counted, and what is said of it.
    pub(super) fn refused(&self) -> Error {
        self.meter.note(Happening::HashRefused);
        Error::Overloaded
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

fn serve(shared: &Shared, engine: Engine) {
    lower_priority();
    let mut worker = Worker::new(engine);
    loop {
        let job = {
            let mut state = shared.state();
            loop {
                if let Some(job) = state.jobs.pop_front() {
                    break job;
                }
                if state.closed {
                    return;
                }
                state = shared
                    .arrived
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        };
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(&mut worker)));
        if outcome.is_err() {
            // The caller learns of it by its dropped channel; the memory may be in any state.
            worker = Worker::new(engine);
        }
    }
}

/// Below the threads that answer requests. Without it the hash threads win every second slice
/// of a busy core from a session check.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 10) {
        tracing::debug!(%error, "hash threads keep the server's priority");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// P-10: at once, and not for good.
    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_recovers() {
        let pool = Arc::new(Pool::start(1, 2, Engine::Portable));
        let (release, gate) = mpsc::channel::<()>();
        let (entered, started) = mpsc::channel::<()>();
        let blocker = tokio::spawn({
            let pool = pool.clone();
            async move {
                pool.run(move |_| {
                    entered.send(()).unwrap();
                    gate.recv().unwrap();
                })
                .await
            }
        });
        tokio::task::spawn_blocking(move || started.recv().unwrap())
            .await
            .unwrap();
        let mut waiting = Box::pin(async { tokio::join!(pool.run(|_| 1), pool.run(|_| 2)) });
        assert!(futures_poll_once(&mut waiting).await.is_none());
        assert!(matches!(pool.run(|_| 3).await, Err(Error::Overloaded)));
        release.send(()).unwrap();
        let (one, two) = waiting.await;
        assert_eq!((one.unwrap(), two.unwrap()), (1, 2));
        blocker.await.unwrap().unwrap();
        assert_eq!(pool.run(|_| 4).await.unwrap(), 4);
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
        let blocked = pool.run(|_| {
            let began = Instant::now();
            while began.elapsed() <= PATIENCE {
                std::thread::park_timeout(Duration::from_millis(50));
            }
        });
        let worked = Arc::new(AtomicUsize::new(0));
        let counted = worked.clone();
        let late = pool.run(move |_| counted.fetch_add(1, Ordering::Relaxed));
        let (blocked, late) = tokio::join!(blocked, late);
        assert!(blocked.is_ok() && matches!(late, Err(Error::Overloaded)));
        assert_eq!(worked.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_panicking_job_fails_alone() {
        let pool = Pool::start(1, 2, Engine::Portable);
        let failed = pool.run(|_| panic!("on purpose")).await;
        let _: Result<(), Error> = failed;
        assert_eq!(pool.run(|_| 1).await.unwrap(), 1);
        assert_eq!(pool.queued(), 0);
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
