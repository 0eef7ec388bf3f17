//! The endpoints: each file has request, response and handler.
//!
//! A handler reads its body into typed values, calls one method of `Accounts`, and writes the response.
//! To add one, copy the nearest, then add its line and its row in [`crate::routes`].

pub mod auth;
pub mod confirmation;
pub mod email_undo;
pub(crate) mod etag;
pub mod home;
pub mod inbox;
pub mod operations;
pub(crate) mod paging;
pub mod passwords;
pub mod recovery;
pub mod sessions;
pub mod users;
