//! The mailer against a real mail server (Python's aiosmtpd, in `tests/sink.py`), and against a
//! real disk for the transports that need one.

mod certificates;
mod delivery;
mod local;
mod refusals;
mod sink;
mod tls;
