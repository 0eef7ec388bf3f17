//! Claims the due jobs of some kinds, and ends their leases.

use std::sync::Arc;

use jiff::Timestamp;

use super::leases::JobLeases;
use crate::clock::Clock;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{Job, LEASE_DURATION};
use crate::store::{Claim, Condition, Record, Records, Store, Value, Write};
use crate::values::JobId;
use crate::writer::Writer;

/// Number of leases that one write ends.
const EXPIRED_AT_ONCE: usize = 100;

/// The queue of jobs. A job is claimed under a lease of [`LEASE_DURATION`]; then it is deleted, scheduled again or failed.
pub(crate) struct JobQueue {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) job_leases: Arc<JobLeases>,
    pub(crate) writer: Arc<Writer>,
}

impl JobQueue {
    /// Leases up to `limit` due jobs of these kinds. The caller [holds](Self::hold) them.
    pub(crate) async fn claim<J: Record>(
        &self,
        ctx: &Ctx,
        kinds: Vec<Value>,
        limit: usize,
    ) -> Result<Vec<J>, Error> {
        let claim = Claim {
            table: Job::TABLE,
            kinds,
            now: ctx.now,
            lease_until: ctx.now + LEASE_DURATION,
            limit,
        };
        Ok(self.store.claim(claim).await?)
    }

    /// Remembers leases, so that they are released if the process stops. Each is a job and the end of its lease.
    pub(crate) fn hold(&self, ctx: &Ctx, leases: impl Iterator<Item = (JobId, Timestamp)>) {
        self.job_leases.insert(leases, ctx.now);
    }

    /// Forgets the lease on a job that is done.
    pub(crate) fn done(&self, id: JobId) {
        self.job_leases.remove(id);
    }

    /// Releases the leases on jobs that were interrupted, so that another node, or the next start, continues at once. Returns
    /// their number.
    pub(crate) async fn release_leases(&self) -> Result<usize, Error> {
        let now = self.clock.now();
        let ids = self.job_leases.take(now);
        for id in &ids {
            self.update(Job::release(*id, now)).await?;
        }
        Ok(ids.len())
    }

    /// Ends all leases on jobs of these kinds. Only for the start of a process that has the database to itself: any lease
    /// then belongs to a process that died.
    pub(crate) async fn expire_leases(&self, ctx: &Ctx, kinds: Condition) -> Result<(), Error> {
        let leased = Job::due_between(ctx.now, ctx.now + LEASE_DURATION).only(kinds);
        let leased: Vec<Job> = self.store.list_readable(leased).await?;
        for batch in leased.chunks(EXPIRED_AT_ONCE) {
            let expire = |job: &Job| Some(Job::expire_lease(job.id, job.due_at?, ctx.now));
            let expired = batch.iter().filter_map(expire).collect();
            // It is stale if another process holds or deleted one of them. The leases end by themselves.
            self.writer.apply_unless_stale(expired).await?;
        }
        Ok(())
    }

    /// Applies a write to a job, unless the job was deleted.
    pub(crate) async fn update(&self, write: Write) -> Result<(), Error> {
        self.writer.apply_unless_stale(vec![write]).await?;
        Ok(())
    }
}
