//! Routes for operators and other services.

pub mod audit;
pub mod documents;
pub mod health;
pub mod keys;
