//! The threads that hash: few, bounded, below the server's priority.
//!
//! A sign-in costs a core for some milliseconds and 19 MiB. As many run at once as there are
//! threads; as many wait as the queue holds; one more is refused at once, so that a flood of
//! sign-ins neither fills the memory nor delays anything else.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

use super::argon2id::{Engine, Worker};
use crate::error::Error;
use crate::happening::Happening;
use crate::ports::{Meter, Unmetered};

type Job = Box<dyn FnOnce(&mut Worker) + Send>;

pub(super) struct Pool {
    shared: Arc<Shared>,
    capacity: usize,
    meter: Arc<dyn Meter>,
}

struct Shared {
    state: Mutex<State>,
    arrived: Condvar,
    unfinished: AtomicUsize,
}

struct State {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Shared {
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
            if self.shared.unfinished.load(Ordering::Acquire) >= self.capacity {
                drop(state);
                self.meter.note(Happening::HashRefused);
                return Err(Error::Overloaded);
            }
            self.shared.unfinished.fetch_add(1, Ordering::AcqRel);
            let place = Place(self.shared.clone());
            // Monotonic time, for figures alone: no rule hangs on it, so it comes by no port.
            let (meter, queued_at) = (self.meter.clone(), Instant::now());
            state.jobs.push_back(Box::new(move |worker| {
                // The place is free before the caller hears of it, also where the job panics:
                // whoever has an answer may ask again at once.
                let (sender, place) = (sender, place);
                if !sender.is_closed() {
                    let begun_at = Instant::now();
                    let output = job(worker);
                    drop(place);
                    meter.note(Happening::Hashed {
                        waited: begun_at.duration_since(queued_at),
                        took: begun_at.elapsed(),
                    });
                    let _ = sender.send(output);
                }
            }));
        }
        self.shared.arrived.notify_one();
        receiver
            .await
            .map_err(|_| Error::Internal("a hashing job panicked"))
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
