//! The mailer against a real mail server (Python's aiosmtpd, in `tests/sink.py`), and against a
//! real disk for the transports that need one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(
    clippy::disallowed_methods,
    reason = "tests read the path of Python from the environment"
)]

mod certificates;
mod delivery;
mod diagnostics;
mod local_transports;
mod rejections;
mod sink;
mod tls;
