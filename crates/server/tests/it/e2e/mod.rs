//! The binary itself: its processes, its files, its mail over a real wire. Few and blocking.

mod http;
mod server;
mod sink;

mod first_start;

use server::{Server, Setup, eventually, mode};
use sink::Sink;
