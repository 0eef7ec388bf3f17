//! The two harnesses' in-process half: the real router over real stores, and who talks to it.

mod answer;
mod app;
mod client;
mod faults;
mod postbox;
mod stores;

pub use answer::Answer;
pub use app::TestApp;
pub use client::{Client, Draft};
pub use faults::Mood;
pub use postbox::{path_in, summary};
pub use stores::{Combination, Stores};

/// Where people reach the server, they think.
pub const PUBLIC_URL: &str = "https://accounts.example";
/// Everybody's first password.
pub const PASSWORD: &str = "plum cake on sundays";
/// The one after.
pub const OTHER_PASSWORD: &str = "two boats and a lamp";

/// A media type.
pub const JSON: &str = "application/json";
/// Another.
pub const FORM: &str = "application/x-www-form-urlencoded";
