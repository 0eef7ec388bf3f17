//! What operators and other services ask for.

pub mod audit;
pub mod documents;
pub mod health;
pub mod keys;
