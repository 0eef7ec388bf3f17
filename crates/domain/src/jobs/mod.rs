//! Work that the worker does later: the queue of jobs (`queue`), and the leases that this process holds (`leases`). The jobs
//! of today are mails, which `outbox` sends.

pub(crate) mod leases;
pub(crate) mod queue;
