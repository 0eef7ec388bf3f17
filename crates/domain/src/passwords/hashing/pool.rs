//! The hashing threads: few, bounded, with a lower priority than the server.
//!
//! A sign-in costs a core for some milliseconds and 19 MiB. Each thread runs one job at a time, and the queue is
//! bounded. If it is full, the new job is rejected at once, so that a flood of sign-ins does not fill the memory or
//! delay other work (P-10). The queue counts as full if a new job would wait more than a few seconds; a job that
//! waits longer in spite of that is rejected. `hash_queue` decides the order.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::argon2id::{Engine, HashWorker};
use super::hash_queue::{HashClient, HashQueue, MAX_WAIT};
use crate::error::Error;
use crate::metric_event::{MetricEvent, MetricsRecorder, NoMetrics};

/// Time after which an idle thread frees the memory of its last hash. Under load the memory is reused, because
/// page faults cost more than a hash.
const RELEASE_AFTER: Duration = Duration::from_secs(60);
/// The last job has the weight `1 / MEMORY` in the average duration.
const MEMORY: u64 = 8;

type Job = Box<dyn FnOnce(Dispatch<'_>) + Send>;

/// Outcome of a waiting job.
enum Dispatch<'a> {
    /// It runs on this worker.
    Run(&'a mut HashWorker),
    /// It is rejected, and its caller gets an error.
    Rejected,
}

pub(super) struct HashPool {
    shared: Arc<Shared>,
    capacity: usize,
    threads: usize,
    recorder: Arc<dyn MetricsRecorder>,
}

struct Shared {
    state: Mutex<PoolState>,
    job_added: Condvar,
    unfinished: AtomicUsize,
    /// Moving average of the duration of a job, in microseconds.
    average_micros: AtomicU64,
}

struct PoolState {
    queue: HashQueue<Job>,
    closed: bool,
}

impl Shared {
    /// Adds the duration of a job to the average.
    fn record(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let before = match self.average_micros.load(Ordering::Relaxed) {
            0 => took,
            before => before,
        };
        let usual = (before.saturating_mul(MEMORY - 1)).saturating_add(took) / MEMORY;
        self.average_micros.store(usual, Ordering::Relaxed);
    }

    /// Rejects the jobs that have waited too long. They are called outside the lock.
    fn reject_late(&self, now: Instant) {
        let late = self.state().queue.take_expired(now);
        for job in late {
            job(Dispatch::Rejected);
        }
    }

    /// Waits for the next job. Calls `idle` once if none arrives within `patience`. Returns `None` if the pool is
    /// closed.
    fn next(&self, patience: Duration, idle: impl FnOnce()) -> Option<Job> {
        let (deadline, mut idle) = (Instant::now() + patience, Some(idle));
        loop {
            self.reject_late(Instant::now());
            let mut state = self.state();
            if let Some(job) = state.queue.pop() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            if idle.is_none() {
                let waited = self.job_added.wait(state);
                drop(waited.unwrap_or_else(PoisonError::into_inner));
                continue;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let waited = self.job_added.wait_timeout(state, left);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
            if Instant::now() >= deadline
                && let Some(idle) = idle.take()
            {
                idle();
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, PoolState> {
        // No job runs under the lock, so a panic cannot leave the queue half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A slot in the pool, released when dropped.
struct PoolSlot(Arc<Shared>);

impl Drop for PoolSlot {
    fn drop(&mut self) {
        self.0.unfinished.fetch_sub(1, Ordering::AcqRel);
    }
}

impl HashPool {
    /// Starts `threads` threads; `queue` jobs of known and as many of unknown clients may wait in addition to those
    /// that run.
    pub(super) fn start(threads: usize, queue: usize, engine: Engine) -> Self {
        Self::start_with(threads, queue, engine, RELEASE_AFTER)
    }

    fn start_with(threads: usize, queue: usize, engine: Engine, release_after: Duration) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(PoolState {
                queue: HashQueue::new(queue),
                closed: false,
            }),
            job_added: Condvar::new(),
            unfinished: AtomicUsize::new(0),
            average_micros: AtomicU64::new(0),
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
            capacity: 2 * queue + threads,
            threads,
            recorder: Arc::new(NoMetrics),
        }
    }

    /// Records how long jobs wait and run.
    pub(super) fn with_recorder(&mut self, recorder: Arc<dyn MetricsRecorder>) {
        self.recorder = recorder;
    }

    /// Runs a job on one of the threads. Fails with [`Error::Overloaded`] at once if the queue is full for this
    /// client, or later if the job waits too long.
    ///
    /// If the caller drops the future, the job is skipped.
    pub(super) async fn run<T, F>(&self, client: &HashClient, job: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut HashWorker) -> T + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job = self.prepared(job, sender);
        self.shared.reject_late(Instant::now());
        if let Err(rejected) = self.enqueue(client, job) {
            rejected(Dispatch::Rejected);
        }
        self.shared.job_added.notify_one();
        match receiver.await {
            Ok(output) => output.ok_or(Error::Overloaded),
            Err(_) => Err(Error::Internal("a hashing job panicked")),
        }
    }

    /// Wraps a job with its slot. It reports its outcome to its caller and the metrics.
    fn prepared<T, F>(&self, job: F, sender: oneshot::Sender<Option<T>>) -> Job
    where
        T: Send + 'static,
        F: FnOnce(&mut HashWorker) -> T + Send + 'static,
    {
        self.shared.unfinished.fetch_add(1, Ordering::AcqRel);
        let slot = PoolSlot(self.shared.clone());
        // Monotonic time, for metrics and the average duration only, so it does not come through a port.
        let (recorder, queued_at) = (self.recorder.clone(), Instant::now());
        Box::new(move |dispatch| {
            // The slot is released before the caller gets the result, also if the job panics: the caller may call
            // again at once.
            let (sender, slot) = (sender, slot);
            if sender.is_closed() {
                return;
            }
            let Dispatch::Run(worker) = dispatch else {
                drop(slot);
                recorder.record(MetricEvent::HashRejected);
                let _ = sender.send(None);
                return;
            };
            let started_at = Instant::now();
            let waited = started_at.duration_since(queued_at);
            let output = job(worker);
            let took = started_at.elapsed();
            slot.0.record(took);
            drop(slot);
            recorder.record(MetricEvent::Hashed { waited, took });
            let _ = sender.send(Some(output));
        })
    }

    /// Adds a job to the queue. Returns it if the queue is full, or if the job would wait too long.
    fn enqueue(&self, client: &HashClient, job: Job) -> Result<(), Job> {
        let mut state = self.shared.state();
        match self.expected_wait(state.queue.ahead_of(client)) > MAX_WAIT {
            true => Err(job),
            false => state.queue.push(client, job),
        }
    }

    /// Expected wait of a job that has `ahead` others before it, from the average duration.
    fn expected_wait(&self, ahead: usize) -> Duration {
        let usual = self.shared.average_micros.load(Ordering::Relaxed);
        Duration::from_micros(usual.saturating_mul(ahead as u64) / self.threads.max(1) as u64)
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn queued(&self) -> usize {
        self.shared.unfinished.load(Ordering::Acquire)
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.job_added.notify_all();
    }
}

fn serve(shared: &Shared, engine: Engine, release_after: Duration) {
    lower_priority();
    let mut worker = HashWorker::new(engine);
    while let Some(job) = shared.next(release_after, || worker.release()) {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            job(Dispatch::Run(&mut worker));
        }));
        if outcome.is_err() {
            // The caller gets an error from its closed channel. The memory may be in any state.
            worker.release();
        }
    }
}

/// Sets a lower priority than that of the threads that handle requests. Otherwise the hash threads take every
/// second slice of a busy core from session checks.
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
    use crate::ctx::{Actor, Client, Ctx};

    const CHEAP: Cost = Cost {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };

    fn unknown() -> HashClient {
        HashClient::from_ctx(&Ctx {
            actor: Actor::Anonymous,
            client: Client::default(),
            request_id: String::new(),
            now: jiff::Timestamp::UNIX_EPOCH,
        })
    }

    async fn run<T: Send + 'static>(
        pool: &HashPool,
        client: HashClient,
        job: impl FnOnce(&mut HashWorker) -> T + Send + 'static,
    ) -> Result<T, Error> {
        pool.run(&client, job).await
    }

    /// Occupies the only thread of the pool until the result is dropped.
    async fn occupy(pool: &Arc<HashPool>) -> mpsc::Sender<()> {
        let (release, gate) = mpsc::channel::<()>();
        let (entered, started) = mpsc::channel::<()>();
        let pool = pool.clone();
        tokio::spawn(async move {
            run(&pool, unknown(), move |_| {
                entered.send(()).unwrap();
                let _ = gate.recv();
            })
            .await
        });
        let started = tokio::task::spawn_blocking(move || started.recv());
        started.await.unwrap().unwrap();
        release
    }

    /// P-10, T-FLOOD: rejected at once, and only while the queue is full.
    #[tokio::test]
    async fn a_full_queue_rejects_at_once_and_recovers() {
        let pool = Arc::new(HashPool::start(1, 2, Engine::Portable));
        let release = occupy(&pool).await;
        let mut waiting = Box::pin(async {
            tokio::join!(run(&pool, unknown(), |_| 1), run(&pool, unknown(), |_| 2))
        });
        assert!(futures_poll_once(&mut waiting).await.is_none());
        let rejected = run(&pool, unknown(), |_| 3).await;
        assert!(matches!(rejected, Err(Error::Overloaded)));
        drop(release);
        let (one, two) = waiting.await;
        assert_eq!((one.unwrap(), two.unwrap()), (1, 2));
        assert_eq!(run(&pool, unknown(), |_| 4).await.unwrap(), 4);
    }

    /// A-08, P-10, T-FLOOD: unknown clients fill their queue, and the owner on a known device is served before them.
    #[tokio::test]
    async fn a_full_queue_of_unknown_clients_does_not_reject_a_known_device() {
        let pool = Arc::new(HashPool::start(1, 1, Engine::Portable));
        let release = occupy(&pool).await;
        let served = Arc::new(AtomicUsize::new(0));
        let count = |served: &Arc<AtomicUsize>| {
            let served = served.clone();
            move |_: &mut HashWorker| served.fetch_add(1, Ordering::Relaxed)
        };
        let mut other = Box::pin(run(&pool, unknown(), count(&served)));
        assert!(futures_poll_once(&mut other).await.is_none());
        let rejected = run(&pool, unknown(), |_| ()).await;
        assert!(matches!(rejected, Err(Error::Overloaded)));
        let mut owner = Box::pin(run(&pool, HashClient::known_device(), count(&served)));
        assert!(futures_poll_once(&mut owner).await.is_none());
        drop(release);
        assert_eq!((owner.await.unwrap(), other.await.unwrap()), (0, 1));
    }

    /// P-10: a queue that is too slow counts as full.
    #[tokio::test]
    async fn a_queue_with_a_long_wait_counts_as_full() {
        let pool = Arc::new(HashPool::start(1, 100, Engine::Portable));
        let waits_too_long = |ahead| pool.expected_wait(ahead) > MAX_WAIT;
        for _ in 0..20 {
            pool.shared.record(Duration::from_secs(3));
        }
        assert!(!waits_too_long(1) && waits_too_long(2));
        let release = occupy(&pool).await;
        let mut waiting = Box::pin(async {
            tokio::join!(run(&pool, unknown(), |_| 1), run(&pool, unknown(), |_| 2))
        });
        assert!(futures_poll_once(&mut waiting).await.is_none());
        let rejected = run(&pool, unknown(), |_| 3).await;
        assert!(matches!(rejected, Err(Error::Overloaded)));
        drop(release);
        for _ in 0..100 {
            pool.shared.record(Duration::from_millis(20));
        }
        assert!(!waits_too_long(100));
    }

    /// P-10: a job that has waited too long is rejected without running.
    #[tokio::test]
    async fn a_job_that_has_waited_too_long_is_rejected_without_work() {
        let pool = Arc::new(HashPool::start(1, 2, Engine::Portable));
        let release = occupy(&pool).await;
        let mut late = Box::pin(run(&pool, unknown(), |_| ()));
        assert!(futures_poll_once(&mut late).await.is_none());
        pool.shared.reject_late(Instant::now() + MAX_WAIT);
        assert!(matches!(late.await, Err(Error::Overloaded)));
        drop(release);
    }

    #[tokio::test]
    async fn a_panicking_job_does_not_affect_others() {
        let pool = HashPool::start(1, 2, Engine::Portable);
        let failed = run(&pool, unknown(), |_| panic!("on purpose")).await;
        let _: Result<(), Error> = failed;
        assert_eq!(run(&pool, unknown(), |_| 1).await.unwrap(), 1);
        assert_eq!(pool.queued(), 0);
    }

    #[tokio::test]
    async fn memory_is_reused_under_load_and_released_when_idle() {
        let hash = |worker: &mut HashWorker| {
            let had_memory = worker.holds_memory();
            worker.hash(b"x", &[1; 16], CHEAP, None);
            had_memory
        };
        for engine in [Engine::Fast, Engine::Portable] {
            let pool = HashPool::start(1, 2, engine);
            assert!(!run(&pool, unknown(), hash).await.unwrap());
            assert!(run(&pool, unknown(), hash).await.unwrap());
            // It is released as soon as no job waits.
            let pool = HashPool::start_with(1, 2, engine, Duration::ZERO);
            run(&pool, unknown(), hash).await.unwrap();
            let deadline = Instant::now() + Duration::from_secs(60);
            while run(&pool, unknown(), |worker| worker.holds_memory())
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
