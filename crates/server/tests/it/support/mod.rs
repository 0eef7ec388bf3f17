//! In-process tests: the real router over real stores, and its clients.

mod app;
mod client;
mod faults;
mod response;
mod stores;
mod test_mailer;

pub use app::TestApp;
pub use client::{Client, RequestBuilder};
pub use faults::StoreMode;
pub use response::TestResponse;
pub use stores::{Combination, Stores};
pub use test_mailer::{MailServer, path_in, summary};

/// Public URL of the server.
pub const PUBLIC_URL: &str = "https://accounts.example";
/// The first password of every user.
pub const PASSWORD: &str = "plum cake on sundays";
/// The second one.
pub const OTHER_PASSWORD: &str = "two boats and a lamp";

/// A media type.
pub const JSON: &str = "application/json";
/// Another.
pub const FORM: &str = "application/x-www-form-urlencoded";
