//! Connections that are held ready.
//!
//! Our own, since a pool of the driver's asks the server before and after every statement whether
//! it is still there, without a limit, and can neither move to another host nor throw away at once
//! what is of no more use. Here a connection that answered lately is taken for alive: statements are
//! tried again where it was not. One that was lost to the server or the network takes all others of
//! its time with it: what it ran into (a restart, a cut, a failover) they would run into too. One whose
//! caller ran out of time goes alone, and the others are asked before they are used again. Knows no
//! SQL but the dialect's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::any::{AnyQueryResult, AnyRow};
use sqlx::{AnyConnection, Connection, raw_sql};
use tokio::runtime::Handle;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, error::Elapsed, timeout, timeout_at};

use crate::arg::Arg;
use crate::dialect::{self, Dialect};
use crate::error::{ConnectError, Fault};
use crate::query;
use crate::servers::{Servers, read_only, too_late};
use crate::sqlite_file::OpenedFile;

/// After so long a connection is replaced, so that one day all go by what a name means by then.
const LIFETIME: Duration = Duration::from_secs(30 * 60);
/// For so long, a connection at rest is not asked whether it is still there.
const TRUSTED: Duration = Duration::from_secs(10);
/// How long one that rested longer, or was left in the middle of something, has to answer.
const CHECK: Duration = Duration::from_secs(2);
/// How much later than the server this side gives up: the server's own word is the better one.
const GRACE: Duration = Duration::from_millis(500);
/// For so long a host that is alone and takes no writes is not left again for another of its name.
const LOOKED: Duration = Duration::from_secs(5);

/// A clone is another handle on the same connections.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Inner>);

struct Inner {
    servers: Servers,
    /// What is looked at before each use, where it is a file.
    file: Option<OpenedFile>,
    permits: Arc<Semaphore>,
    most: u32,
    rest: Mutex<Rest>,
    is_closed: AtomicBool,
}

#[derive(Default)]
struct Rest {
    /// The one that worked last is at the end, and used first.
    connections: Vec<Resting>,
    /// Connections of an earlier one are not used any more.
    epoch: u64,
    /// Since when no connection could be made.
    away_since: Option<Instant>,
    /// What rests since before is asked first.
    doubted_at: Option<Instant>,
    /// When a host was left because it took no writes.
    left_at: Option<Instant>,
}

struct Resting {
    connection: AnyConnection,
    made_at: Instant,
    since: Instant,
}

impl Pool {
    /// The database is there, and its schema up to date.
    pub(crate) fn new(servers: Servers, most: u32) -> Result<Self, ConnectError> {
        let file = servers.dialect.file(&servers.latest().url)?;
        Ok(Self(Arc::new(Inner {
            servers,
            file,
            permits: Arc::new(Semaphore::new(most as usize)),
            most,
            rest: Mutex::default(),
            is_closed: AtomicBool::new(false),
        })))
    }

    pub(crate) fn servers(&self) -> &Servers {
        &self.0.servers
    }

    /// A connection, of those at rest or a new one.
    pub(crate) async fn acquire(&self, until: Instant) -> Result<Held, Fault> {
        let within = self.0.servers.limits.connect;
        let until = until.min(Instant::now() + within);
        let permit = timeout_at(until, self.0.permits.clone().acquire_owned()).await;
        let permit = permit
            .map_err(|_| ConnectError::Busy { most: self.0.most })?
            .map_err(|_| ConnectError::Closed)?;
        if self.0.is_closed.load(Ordering::Relaxed) {
            return Err(ConnectError::Closed.into());
        }
        let mut pause = Duration::from_millis(20);
        let (connection, made_at, epoch) = loop {
            self.0.check_file()?;
            let (resting, epoch) = self.0.take();
            if let Some(mut resting) = resting {
                if self.0.is_trusted(&resting)
                    || self.0.is_well(&mut resting.connection, until).await
                {
                    break (resting.connection, resting.made_at, epoch);
                }
                if Instant::now() >= until {
                    return Err(Fault::OutOfTime);
                }
                self.0.distrust(epoch, "one at rest does not answer");
                continue;
            }
            match self.0.open(until).await {
                Ok(connection) => break (connection, Instant::now(), epoch),
                Err(error) if !self.0.shall_wait(&error, until, pause) => return Err(error.into()),
                // Another caller may have laid one to rest meanwhile.
                Err(_) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(Duration::from_millis(500));
        };
        Ok(Held {
            connection: Some(connection),
            made_at,
            epoch,
            is_asked: false,
            in_transaction: false,
            pool: self.0.clone(),
            permit: Some(permit),
            turn: None,
        })
    }

    /// The server takes no writes any more: the next connection goes to one that does, by another
    /// name or by another address of the same name.
    pub(crate) fn look_elsewhere(&self) {
        let epoch = self.0.rest().epoch;
        self.0.leave(epoch);
    }

    /// Waits for what is under way and hangs up.
    pub(crate) async fn close(&self) {
        self.0.is_closed.store(true, Ordering::Relaxed);
        let all = self.0.permits.acquire_many(self.0.most);
        timeout(self.0.servers.limits.operation(), all).await.ok();
        let connections = std::mem::take(&mut self.0.rest().connections);
        for resting in connections {
            timeout(CHECK, resting.connection.close()).await.ok();
        }
    }
}

impl Inner {
    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One at rest, if there is one, and the epoch it is of.
    fn take(&self) -> (Option<Resting>, u64) {
        let longest = self.servers.dialect.longest_rest();
        let mut rest = self.rest();
        let resting = rest.connections.pop();
        let is_stale =
            |resting: &Resting| longest.is_some_and(|most| resting.since.elapsed() > most);
        if !resting.as_ref().is_some_and(is_stale) {
            return (resting, rest.epoch);
        }
        // All others have rested longer.
        let stale: Vec<_> = rest.connections.drain(..).chain(resting).collect();
        let epoch = rest.epoch;
        drop(rest);
        for resting in stale {
            close_nicely(resting.connection);
        }
        (None, epoch)
    }

    /// Lays one to rest, and closes one that rested too long meanwhile.
    fn lay(&self, connection: AnyConnection, made_at: Instant, epoch: u64) {
        let longest = self.servers.dialect.longest_rest();
        let is_old = longest.is_some() && made_at.elapsed() > LIFETIME;
        let mut rest = self.rest();
        // It has answered.
        rest.away_since = None;
        if is_old || rest.epoch != epoch || self.is_closed.load(Ordering::Relaxed) {
            drop(rest);
            return close_nicely(connection);
        }
        rest.connections.push(Resting {
            connection,
            made_at,
            since: Instant::now(),
        });
        if longest.is_some_and(|longest| rest.connections[0].since.elapsed() > longest) {
            let oldest = rest.connections.remove(0);
            drop(rest);
            close_nicely(oldest.connection);
        }
    }

    /// Nothing that was connected in that epoch or before is used again.
    fn distrust(&self, epoch: u64, why: &str) {
        let mut rest = self.rest();
        if rest.epoch != epoch {
            return;
        }
        rest.epoch += 1;
        let connections = std::mem::take(&mut rest.connections);
        drop(rest);
        let host = &self.servers.latest().name;
        tracing::warn!(
            database.host = host,
            database.connections = connections.len() + 1,
            cause = why,
            "connections to the database are given up"
        );
    }

    /// Leaves a server that takes no writes, and says so. A host that is alone may lead to another
    /// server by now, but is not asked all the time: it is read meanwhile.
    fn leave(&self, epoch: u64) -> bool {
        let mut rest = self.rest();
        let looked = rest.left_at.is_some_and(|at| at.elapsed() < LOOKED);
        if self.servers.hosts.len() == 1 && looked {
            return false;
        }
        rest.left_at = Some(Instant::now());
        drop(rest);
        self.distrust(epoch, "it takes no writes any more");
        true
    }

    /// One was lost, for a reason that may be its own.
    fn doubt(&self) {
        self.rest().doubted_at = Some(Instant::now());
    }

    fn is_trusted(&self, resting: &Resting) -> bool {
        let doubted_at = self.rest().doubted_at;
        resting.since.elapsed() < TRUSTED && doubted_at.is_none_or(|at| resting.since > at)
    }

    async fn open(&self, until: Instant) -> Result<AnyConnection, ConnectError> {
        let connection = self.servers.connect(until).await;
        let mut rest = self.rest();
        match &connection {
            Ok(_) => rest.away_since = None,
            Err(_) => _ = rest.away_since.get_or_insert_with(Instant::now),
        }
        connection
    }

    /// While the outage is young, a caller tries until its time is up, so that a restart is waited
    /// for; later it learns at once that nobody is there.
    fn shall_wait(&self, error: &ConnectError, until: Instant, pause: Duration) -> bool {
        let away_since = self.rest().away_since.unwrap_or_else(Instant::now);
        away_since.elapsed() < self.servers.limits.connect
            && error.is_worth_waiting()
            && Instant::now() + pause < until
    }

    fn check_file(&self) -> Result<(), ConnectError> {
        let Some(Err(error)) = self.file.as_ref().map(OpenedFile::check) else {
            return Ok(());
        };
        let (resting, epoch) = self.take();
        if resting.is_some() {
            self.distrust(epoch, "the file is not there any more");
        }
        Err(error)
    }

    /// Whether it answers, and still takes writes.
    async fn is_well(&self, connection: &mut AnyConnection, until: Instant) -> bool {
        let Some(sql) = self.servers.dialect.is_read_only() else {
            return true;
        };
        let until = until.min(Instant::now() + CHECK);
        let row = timeout_at(
            until,
            query(self.servers.dialect, sql, &[]).fetch_one(connection),
        );
        match row.await {
            Ok(Ok(row)) => {
                self.servers.hosts.len() == 1 || read_only(&row).is_ok_and(|read_only| !read_only)
            }
            Ok(Err(_)) | Err(_) => false,
        }
    }
}

/// A connection in use. Dropped, it goes back to rest, unless it was lost.
pub(crate) struct Held {
    /// None once it was lost.
    connection: Option<AnyConnection>,
    made_at: Instant,
    epoch: u64,
    /// Between a question and its answer.
    is_asked: bool,
    in_transaction: bool,
    pool: Arc<Inner>,
    permit: Option<OwnedSemaphorePermit>,
    /// The writer's turn, where there is one at a time: over when the connection is at rest.
    turn: Option<OwnedMutexGuard<()>>,
}

impl Held {
    /// The same, keeping the writer's turn.
    pub(crate) fn in_turn(mut self, turn: Option<OwnedMutexGuard<()>>) -> Self {
        self.turn = turn;
        self
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.pool.servers.dialect
    }

    pub(crate) async fn rows(
        &mut self,
        sql: &str,
        args: &[Arg<'_>],
        until: Instant,
    ) -> Result<Vec<AnyRow>, Fault> {
        let query = query(self.dialect(), sql, args);
        let (connection, within) = self.ask(until)?;
        let answer = timeout(within, query.fetch_all(connection)).await;
        self.hear(answer, within)
    }

    pub(crate) async fn row(
        &mut self,
        sql: &str,
        args: &[Arg<'_>],
        until: Instant,
    ) -> Result<Option<AnyRow>, Fault> {
        let query = query(self.dialect(), sql, args);
        let (connection, within) = self.ask(until)?;
        let answer = timeout(within, query.fetch_optional(connection)).await;
        self.hear(answer, within)
    }

    pub(crate) async fn execute(
        &mut self,
        sql: &str,
        args: &[Arg<'_>],
        until: Instant,
    ) -> Result<AnyQueryResult, Fault> {
        let query = query(self.dialect(), sql, args);
        let (connection, within) = self.ask(until)?;
        let answer = timeout(within, query.execute(connection)).await;
        self.hear(answer, within)
    }

    pub(crate) async fn begin(&mut self, until: Instant) -> Result<(), Fault> {
        self.in_transaction = true;
        let begin = self.dialect().begin();
        self.tell(begin, until).await
    }

    /// Half the time that is left: the other half is for finding out, should no answer come. Where
    /// that were too little, nothing is sent.
    pub(crate) async fn commit(&mut self, until: Instant) -> Result<(), Fault> {
        let limits = self.pool.servers.limits;
        let now = Instant::now();
        let left = until.saturating_duration_since(now);
        if left < limits.least_for_commit() {
            return Err(Fault::OutOfTime);
        }
        let until = now + (left / 2).min(limits.statement / 2);
        let commit = self.dialect().commit();
        self.tell(commit, until).await?;
        self.in_transaction = false;
        Ok(())
    }

    /// Best effort: what cannot be rolled back is thrown away.
    pub(crate) async fn roll_back(&mut self) {
        match self.tell("ROLLBACK", Instant::now() + CHECK).await {
            // SQLite may have done it by itself, and says that there was nothing to do.
            Ok(()) | Err(Fault::Sql(sqlx::Error::Database(_))) => self.in_transaction = false,
            Err(_) => self.connection = None,
        }
    }

    async fn tell(&mut self, sql: &'static str, until: Instant) -> Result<(), Fault> {
        let (connection, within) = self.ask(until)?;
        let answer = timeout(within, raw_sql(sql).execute(connection)).await;
        self.hear(answer, within)?;
        Ok(())
    }

    fn ask(&mut self, until: Instant) -> Result<(&mut AnyConnection, Duration), Fault> {
        let left = until.saturating_duration_since(Instant::now());
        let within = left.min(self.pool.servers.limits.statement + GRACE);
        let lost = || Fault::Sql(sqlx::Error::WorkerCrashed);
        let connection = self.connection.as_mut().ok_or_else(lost)?;
        self.is_asked = true;
        Ok((connection, within))
    }

    fn hear<T>(
        &mut self,
        answer: Result<Result<T, sqlx::Error>, Elapsed>,
        within: Duration,
    ) -> Result<T, Fault> {
        self.is_asked = false;
        let all_its_time = self.pool.servers.limits.statement + GRACE;
        let (error, is_going) = match answer {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => {
                let is_going = dialect::is_going(&error);
                (error, is_going)
            }
            // Less is the caller's own want of time, and says nothing of the server.
            Err(_) => (too_late(within), within >= all_its_time),
        };
        if dialect::is_read_only(&error) {
            if self.pool.leave(self.epoch) {
                self.connection = None;
            }
        } else if is_going {
            self.connection = None;
            self.pool.distrust(self.epoch, &error.to_string());
        } else if dialect::is_lost(&error) {
            self.connection = None;
            self.pool.doubt();
        }
        Err(error.into())
    }
}

impl Drop for Held {
    /// Where the future that used it was dropped too, it is brought back to its senses first.
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        let pool = self.pool.clone();
        let kept = (self.permit.take(), self.turn.take());
        let (made_at, epoch) = (self.made_at, self.epoch);
        if !self.is_asked && !self.in_transaction {
            return pool.lay(connection, made_at, epoch);
        }
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let in_transaction = self.in_transaction;
        runtime.spawn(async move {
            let recovered = timeout(CHECK, async {
                connection.ping().await?;
                if in_transaction {
                    // It may have ended already.
                    raw_sql("ROLLBACK").execute(&mut connection).await.ok();
                }
                connection.ping().await
            });
            if let Ok(Ok(())) = recovered.await {
                pool.lay(connection, made_at, epoch);
            }
            drop(kept);
        });
    }
}

/// Says goodbye, in its own time, where there is a runtime to do so.
fn close_nicely(connection: AnyConnection) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(async move {
            timeout(CHECK, connection.close()).await.ok();
        });
    }
}
