//! The connection as it comes and goes.
//!
//! It is made when it is first needed and again whenever it was lost, by a task of its own: making one
//! may take longer than any caller waits. While Redis is known to be away, every call fails at once
//! but one a second, which looks again: a Redis that swallows packets costs one caller in a while a
//! moment, and nobody else anything.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doorward_domain::ports::StoreError;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use redis::{FromRedisValue, RedisError, Value};
use tokio::time::{Instant, timeout};

use crate::connect::{self, Connection, Opened};
use crate::durability;
use crate::fault::{Fault, spoils_connection};
use crate::request::{Repeat, Request};
use crate::url::RedisUrl;

/// How long connecting may take: the name, TLS, the handshakes, the map of a Cluster and its nodes.
/// A distant server takes several round trips for these, and one for an answer.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long a caller waits for a connection that is being made; then Redis counts as away.
const WAIT_FOR_IT: Duration = Duration::from_millis(1500);
/// How long an answer may take.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_millis(1500);
/// How long all of it may take.
const CALL_WITHIN: Duration = Duration::from_millis(2000);
/// How often a Redis that is away is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After how long without an answer a connection may have been cut unnoticed: less than a restart takes.
const IDLE: Duration = Duration::from_millis(10);
/// How long a Cluster of which nothing answers is left to mend itself.
const CLUSTER_PATIENCE: Duration = Duration::from_secs(3);

/// A clone is another handle on the same connection.
#[derive(Clone)]
pub(crate) struct Link(Arc<Inner>);

struct Inner {
    url: RedisUrl,
    state: Mutex<State>,
    /// What whoever is connecting will find. Locked before `state`, never after.
    look: Mutex<Option<Look>>,
    number: AtomicU64,
}

type Look = Shared<BoxFuture<'static, Result<Up, Fault>>>;

enum State {
    /// Nobody has tried yet.
    New,
    Up(Up),
    /// It was there a moment ago: worth trying at once.
    Lost {
        since: Instant,
    },
    Away {
        since: Instant,
        tried_at: Instant,
        why: Fault,
    },
}

/// A connection that was good when it was last used.
#[derive(Clone)]
struct Up {
    connection: Connection,
    number: u64,
    answered_at: Arc<Mutex<Instant>>,
}

impl Link {
    pub(crate) fn new(url: RedisUrl) -> Self {
        Self(Arc::new(Inner {
            url,
            state: Mutex::new(State::New),
            look: Mutex::new(None),
            number: AtomicU64::new(0),
        }))
    }

    /// Asks, and reads the answer.
    pub(crate) async fn ask<T: FromRedisValue>(
        &self,
        operation: &'static str,
        request: impl Into<Request> + Send,
        repeat: Repeat,
    ) -> Result<T, StoreError> {
        let request = request.into();
        let answer = match timeout(CALL_WITHIN, self.ask_with(&request, repeat)).await {
            Ok(answer) => answer,
            Err(_) => Err(Fault::Silent),
        };
        answer
            .and_then(|value| {
                redis::from_redis_value(value).map_err(|error| Fault::Refused(error.into()))
            })
            .map_err(|fault| StoreError::new(operation, fault))
    }

    async fn ask_with(&self, request: &Request, repeat: Repeat) -> Result<Value, Fault> {
        if repeat == Repeat::Never {
            self.see_that_it_lives().await?;
        }
        let (fault, was_lost) = match self.ask_once(request).await {
            Ok(value) => return Ok(value),
            Err(failed) => failed,
        };
        match (was_lost, repeat) {
            (true, Repeat::Harmless) => self.ask_once(request).await.map_err(|(fault, _)| fault),
            (true, Repeat::WhenTold) => {
                let again = request.again();
                self.ask_once(&again).await.map_err(|(fault, _)| fault)
            }
            _ => Err(fault),
        }
    }

    /// That a connection was cut while nobody used it is better found out with a question that can
    /// be asked twice. A Cluster's client looks by itself.
    async fn see_that_it_lives(&self) -> Result<(), Fault> {
        let up = self.up(WAIT_FOR_IT).await?;
        if up.connection.is_cluster() || lock(&up.answered_at).elapsed() < IDLE {
            return Ok(());
        }
        match self.ask_once(&redis::cmd("PING").into()).await {
            // Where it broke, the next call connects anew.
            Ok(_) | Err((Fault::Refused(_), _)) => Ok(()),
            Err((fault, _)) => Err(fault),
        }
    }

    /// The error says whether the connection broke under the request.
    async fn ask_once(&self, request: &Request) -> Result<Value, (Fault, bool)> {
        let mut up = self.up(WAIT_FOR_IT).await.map_err(|fault| (fault, false))?;
        match timeout(ANSWER_WITHIN, request.send(&mut up.connection)).await {
            Ok(Ok(value)) => {
                *lock(&up.answered_at) = Instant::now();
                Ok(value)
            }
            Ok(Err(error)) => {
                let is_spoilt = spoils_connection(&error);
                if is_spoilt {
                    self.0.lost(&up);
                }
                Err((Fault::Refused(error), is_spoilt))
            }
            Err(_) => {
                self.0.lost(&up);
                Err((Fault::Silent, false))
            }
        }
    }

    /// A connection that is fit for use, or why there is none: waits as long as that takes.
    pub(crate) async fn connection(&self) -> Result<Connection, Fault> {
        Ok(self.up(CONNECT_WITHIN).await?.connection)
    }

    async fn up(&self, patience: Duration) -> Result<Up, Fault> {
        let look = match self.look() {
            Looked::Found(found) => return found,
            Looked::Wait(look) => look,
        };
        match timeout(patience, look).await {
            Ok(found) => found,
            Err(_) => self.0.is_late(),
        }
    }

    /// What is known, or whom to wait for.
    fn look(&self) -> Looked {
        if let Known::Up(up) = self.0.known() {
            return Looked::Found(Ok(up));
        }
        let mut look = lock(&self.0.look);
        match (self.0.known(), &*look) {
            (Known::Up(up), _) => Looked::Found(Ok(up)),
            (Known::Away(why), _) => Looked::Found(Err(why)),
            // Somebody is looking already: this caller need not wait for what they find.
            (Known::Due(why), Some(_)) => Looked::Found(Err(why)),
            (Known::Nothing, Some(look)) => Looked::Wait(look.clone()),
            (Known::Due(_) | Known::Nothing, None) => {
                Looked::Wait(look.insert(self.0.clone().start_look()).clone())
            }
        }
    }
}

enum Looked {
    Found(Result<Up, Fault>),
    Wait(Look),
}

impl Inner {
    /// Connects in a task of its own. The caller holds the lock on `look`.
    fn start_look(self: Arc<Self>) -> Look {
        let task = tokio::spawn(async move {
            let opened = match timeout(CONNECT_WITHIN, connect::open(&self.url)).await {
                Ok(opened) => opened,
                Err(_) => Err(Fault::Unreachable("connecting took too long".into())),
            };
            let found = match opened {
                Ok(opened) => Ok(self.is_up(opened).await),
                Err(why) => Err(self.is_away(why)),
            };
            *lock(&self.look) = None;
            found
        });
        let broken_off = |_| Err(Fault::Unreachable("connecting was broken off".into()));
        task.map(move |found| found.unwrap_or_else(broken_off))
            .boxed()
            .shared()
    }

    /// Nobody need wait for it any longer; whether it comes will be seen.
    fn is_late(&self) -> Result<Up, Fault> {
        match self.known() {
            Known::Up(up) => Ok(up),
            _ => Err(self.is_away(Fault::Unreachable(
                "connecting takes long, and is still tried".into(),
            ))),
        }
    }

    fn known(&self) -> Known {
        match &*self.state() {
            State::Up(up) => Known::Up(up.clone()),
            State::New | State::Lost { .. } => Known::Nothing,
            State::Away { tried_at, why, .. } => {
                let looked = tried_at.elapsed();
                match looked < LOOK_EVERY {
                    true => Known::Away(why.clone()),
                    false => Known::Due(why.clone()),
                }
            }
        }
    }

    async fn is_up(&self, opened: Opened) -> Up {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let up = Up {
            connection: opened.connection.clone(),
            number,
            answered_at: Arc::new(Mutex::new(Instant::now())),
        };
        let before = std::mem::replace(&mut *self.state(), State::Up(up.clone()));
        match before {
            State::New => {
                tracing::info!(redis.version = %opened.server.version, redis.mode = %opened.server.mode, "Redis is there");
                durability::warn(opened.node).await;
            }
            State::Away { since, .. } => {
                tracing::info!(redis.version = %opened.server.version, away_ms = millis(since), "Redis is back");
            }
            _ => tracing::debug!("connected to Redis again"),
        }
        up
    }

    fn is_away(&self, why: Fault) -> Fault {
        let mut state = self.state();
        let since = match &*state {
            State::Away { since, .. } => *since,
            State::Lost { since } => *since,
            State::New | State::Up(_) => Instant::now(),
        };
        if !matches!(*state, State::Away { .. }) {
            tracing::warn!(error = %why, "Redis is away: no session can be opened or checked until it is back");
        }
        *state = State::Away {
            since,
            tried_at: Instant::now(),
            why: why.clone(),
        };
        why
    }

    /// The connection is of no more use. That of a Cluster is many, and mends itself as long as one
    /// of them answers.
    fn lost(&self, lost: &Up) {
        let is_mending =
            lost.connection.is_cluster() && lock(&lost.answered_at).elapsed() < CLUSTER_PATIENCE;
        let mut state = self.state();
        if matches!(&*state, State::Up(up) if up.number == lost.number && !is_mending) {
            *state = State::Lost {
                since: Instant::now(),
            };
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

enum Known {
    Up(Up),
    /// Away, and looked for a moment ago.
    Away(Fault),
    /// Away, and due to be looked for.
    Due(Fault),
    Nothing,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// For code that speaks on one connection outside any link.
pub(crate) async fn soon<T>(
    answer: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, Fault> {
    match timeout(ANSWER_WITHIN, answer).await {
        Ok(answer) => answer.map_err(Fault::Refused),
        Err(_) => Err(Fault::Silent),
    }
}
