//! The binary itself: its processes, its files, its mail over a real wire. Few and blocking.

mod http;
mod server;
mod sink;

mod backup;
mod configuration;
mod crash;
mod doctor;
mod first_start;
mod inbox;
mod keys;
mod life;
mod log;
mod mail;
mod migrate;
mod moving;
mod redis;
mod shutdown;
mod users;
mod wire;

use server::{Server, Setup, eventually, mode};
use sink::Sink;
