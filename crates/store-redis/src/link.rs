//! The connection as it comes and goes.
//!
//! It is made when it is first needed and again whenever it was lost. While Redis is known to be
//! away, every call fails at once but one a second, which tries to connect: a Redis that swallows
//! packets costs one caller in a while a second, and nobody else anything.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doorward_domain::ports::StoreError;
use redis::{FromRedisValue, RedisError, Value};
use tokio::time::{Instant, timeout};

use crate::connect::{self, Connection, Opened};
use crate::durability;
use crate::fault::{Fault, spoils_connection};
use crate::request::{Repeat, Request};
use crate::url::RedisUrl;

/// How long connecting may take, with the handshakes.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_millis(1500);
/// How long an answer may take.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_millis(1500);
/// How long all of it may take.
const CALL_WITHIN: Duration = Duration::from_millis(2000);
/// How often a Redis that is away is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After how long without an answer a connection may have been cut unnoticed.
const IDLE: Duration = Duration::from_millis(100);
/// How long a Cluster of which nothing answers is left to mend itself.
const CLUSTER_PATIENCE: Duration = Duration::from_secs(3);

pub(crate) struct Link {
    url: RedisUrl,
    state: Mutex<State>,
    /// Held by whoever is connecting.
    turn: tokio::sync::Mutex<()>,
    number: AtomicU64,
}

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
        Self {
            url,
            state: Mutex::new(State::New),
            turn: tokio::sync::Mutex::new(()),
            number: AtomicU64::new(0),
        }
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
            _ => Err(fault),
        }
    }

    /// That a connection was cut while nobody used it is better found out with a question that can
    /// be asked twice. A Cluster's client looks by itself.
    async fn see_that_it_lives(&self) -> Result<(), Fault> {
        let up = self.up().await?;
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
        let mut up = self.up().await.map_err(|fault| (fault, false))?;
        match timeout(ANSWER_WITHIN, request.send(&mut up.connection)).await {
            Ok(Ok(value)) => {
                *lock(&up.answered_at) = Instant::now();
                Ok(value)
            }
            Ok(Err(error)) => {
                let is_spoilt = spoils_connection(&error);
                if is_spoilt {
                    self.lost(&up);
                }
                Err((Fault::Refused(error), is_spoilt))
            }
            Err(_) => {
                self.lost(&up);
                Err((Fault::Silent, false))
            }
        }
    }

    /// A connection that is fit for use, or why there is none.
    pub(crate) async fn connection(&self) -> Result<Connection, Fault> {
        Ok(self.up().await?.connection)
    }

    async fn up(&self) -> Result<Up, Fault> {
        let _turn = match self.known() {
            Known::Up(up) => return Ok(up),
            Known::Away(why) => return Err(why),
            // Somebody is looking already: this caller need not wait for what they find.
            Known::Due(why) => match self.turn.try_lock() {
                Ok(turn) => turn,
                Err(_) => return Err(why),
            },
            Known::Nothing => self.turn.lock().await,
        };
        // While this caller waited for its turn, another may have found out.
        match self.known() {
            Known::Up(up) => return Ok(up),
            Known::Away(why) => return Err(why),
            Known::Due(_) | Known::Nothing => {}
        }
        let opened = match timeout(CONNECT_WITHIN, connect::open(&self.url)).await {
            Ok(opened) => opened,
            Err(_) => Err(Fault::Unreachable("connecting took too long".into())),
        };
        match opened {
            Ok(opened) => Ok(self.is_up(opened).await),
            Err(why) => Err(self.is_away(why)),
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
