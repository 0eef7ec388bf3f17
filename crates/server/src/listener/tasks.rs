//! The tasks of the listener: every connection, and every request of HTTP/2.
//!
//! They are kept together so that all of them can be ended: a task on its own would go on with stores
//! that are being closed. What a request has begun to change, and the web brings to its end without its client,
//! is none of them.

use std::sync::{Arc, Mutex, PoisonError};

use hyper::rt::Executor;
use tokio::task::JoinSet;

/// What was begun and may still run. A clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl Tasks {
    /// Begins one.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Else those that have ended would be kept. What panicked has said so.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Ends all of them, and waits until they have.
    pub async fn end(&self) {
        loop {
            let mut tasks = {
                let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut *tasks)
            };
            if tasks.is_empty() {
                return;
            }
            // A connection may have begun a request meanwhile: look again.
            tasks.shutdown().await;
        }
    }
}

impl<F> Executor<F> for Tasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        self.spawn(task);
    }
}
