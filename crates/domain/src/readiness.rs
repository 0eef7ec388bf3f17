//! Whether the stores answer: one look for all who ask within a moment.
//!
//! Anybody may ask, and a look writes; so nobody's asking makes more than one a second. It goes on
//! where whoever asked first has hung up, and is over within its time whatever a store does. Knows
//! nothing of who asks, and of the stores their `ping` alone.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::accounts::Ports;
use crate::ports::StoreError;

/// How old a look may be that one is told of.
const SHARED_FOR: SignedDuration = SignedDuration::from_secs(1);
/// How long a part has to answer.
const PATIENCE: Duration = Duration::from_secs(4);

/// What the store and the sessions answered, in this order. Many are told of one error.
type Answers = [Result<(), Told>; 2];

#[derive(Clone)]
struct Told {
    operation: &'static str,
    cause: Arc<dyn Error + Send + Sync>,
}

/// The latest look.
#[derive(Default)]
pub(crate) struct Readiness(Mutex<Option<Look>>);

struct Look {
    begun_at: Timestamp,
    answers: watch::Receiver<Option<Answers>>,
}

impl Readiness {
    /// What the store and the sessions answered, in this order.
    pub(crate) async fn look(&self, ports: &Ports) -> [Result<(), StoreError>; 2] {
        let mut look = self.join(ports);
        let answers = match look.wait_for(Option::is_some).await {
            Ok(answers) => answers.clone(),
            // The process is going down.
            Err(_) => None,
        };
        let answers = answers.unwrap_or_else(|| [Err(silence()), Err(silence())]);
        answers.map(|answer| answer.map_err(|told| StoreError::new(told.operation, told.cause)))
    }

    /// The look that is under way, or was a moment ago, or a new one.
    fn join(&self, ports: &Ports) -> watch::Receiver<Option<Answers>> {
        let now = ports.clock.now();
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match latest.as_ref().filter(|look| look.is_fresh(now)) {
            Some(look) => look.answers.clone(),
            None => {
                let answers = begin(ports);
                latest
                    .insert(Look {
                        begun_at: now,
                        answers,
                    })
                    .answers
                    .clone()
            }
        }
    }
}

impl Look {
    /// A clock that was set back makes none look young.
    fn is_fresh(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.begun_at);
        let is_under_way = self.answers.has_changed().is_ok() && self.answers.borrow().is_none();
        is_under_way || (!age.is_negative() && age < SHARED_FOR)
    }
}

fn begin(ports: &Ports) -> watch::Receiver<Option<Answers>> {
    let (store, sessions) = (ports.store.clone(), ports.sessions.clone());
    let (tell, answers) = watch::channel(None);
    tokio::spawn(async move {
        let store = timeout(PATIENCE, store.ping());
        let sessions = timeout(PATIENCE, sessions.ping());
        let (store, sessions) = join(store, sessions).await;
        let of = |answer: Result<Result<(), StoreError>, _>| match answer {
            Ok(answer) => answer.map_err(Told::from),
            Err(_) => Err(silence()),
        };
        tell.send_replace(Some([of(store), of(sessions)]));
    });
    answers
}

impl From<StoreError> for Told {
    fn from(error: StoreError) -> Self {
        Self {
            operation: error.operation,
            cause: error.cause.into(),
        }
    }
}

fn silence() -> Told {
    let cause: Box<dyn Error + Send + Sync> = "no response in time".into();
    StoreError::new("ping", cause).into()
}
