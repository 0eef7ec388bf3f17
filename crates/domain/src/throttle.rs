//! Throttles: how often is too often.
//!
//! Budgets are leaky buckets counted by the generic cell rate algorithm (GCRA): one time stamp a
//! key, so that the same arithmetic runs here and in one script on Redis. Guesses at a password
//! are counted by account, and slow down with every failure. One question takes from several of
//! both, all or none. What is counted under which key is decided in `flows::counting`; here
//! nobody knows what a request is.
//!
//! - `limits`: how many in how long, as an operator sets it. - `ladder`: pauses after wrong guesses.
//! - `places`: what an address counts for. - `memory`: the counters of one node. - `fallback`: those
//!   that nodes share, with this node's own behind them. - `ledger`: what one request has used.
//!
//! To add a budget: its name in [`BUDGETS`], its field in [`Limits`], its setting in the binary, and
//! the place in `flows::counting` that takes from it.

mod fallback;
mod ladder;
mod ledger;
mod limits;
mod memory;
mod places;

use std::time::Duration;

pub use fallback::FallbackThrottle;
pub(crate) use ladder::KNOWN_FOR;
pub use ladder::{Ladder, Pauses};
pub use ledger::Ledger;
pub use limits::{Door, Limits, Rate, Wide};
pub use memory::{MemoryThrottle, spacing};
pub use places::{address_key, network_key};

/// What the pauses after wrong guesses are called beside the budgets.
pub const GUESS: &str = "guess";
/// The longest that anybody is told to wait, though it may be in vain: how long it is tells of the account.
pub const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// The names of every budget there is.
pub const BUDGETS: [&str; 20] = [
    "email-change",
    "sign-in",
    "sign-in-network",
    "sign-in-everybody",
    "sign-in-failures",
    "sign-up",
    "sign-up-network",
    "sign-up-everybody",
    "mail-request",
    "mail-request-network",
    "mail-request-everybody",
    "link",
    "link-network",
    "link-everybody",
    "token",
    "token-network",
    "token-everybody",
    "mailbox",
    "mailbox-pause",
    "guess-networks",
];
