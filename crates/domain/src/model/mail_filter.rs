//! Lists of queued mails.

use super::{Job, JobStatus, MailJob};
use crate::store::Query;
use crate::values::JobId;

/// Filter for a list of queued mails, newest first.
#[derive(Debug, Clone, Default)]
pub struct MailFilter {
    /// Only mails with this status.
    pub status: Option<JobStatus>,
    /// Only mails older than this one.
    pub before: Option<JobId>,
    /// Maximum number of mails.
    pub limit: usize,
}

impl MailFilter {
    /// The mails. Their ids sort by the time of their creation.
    pub fn query(&self) -> Query {
        let query = match self.status {
            Some(status) => Job::with_status(status),
            None => Job::all(),
        };
        let query = match self.before.map(|id| id.before()) {
            Some(Some(highest)) => query.at_most(highest),
            Some(None) => return query.limit(0),
            None => query,
        };
        query
            .only(MailJob::is_mail())
            .descending()
            .limit(self.limit)
    }
}
