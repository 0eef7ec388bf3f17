//! The binary: its processes, its files, its mail over the network. Few tests, with blocking I/O.

pub mod http;
mod load;
mod server;
mod sink;

mod activation;
mod audit;
mod backup;
mod breached;
mod certificates;
mod command_line;
mod configuration;
mod crash;
mod doctor;
mod drain;
mod durability;
mod ephemeral;
mod first_start;
mod flood;
mod full_journey;
mod hangup;
mod import;
mod inbox;
mod keys;
mod log;
mod mail;
mod migrate;
mod password_rules;
mod pepper;
mod raw_requests;
mod redis;
mod safeguards;
mod shutdown;
mod tls;
mod users;

use server::mode;
pub use server::{Server, Setup, eventually};
pub use sink::MailSink;
