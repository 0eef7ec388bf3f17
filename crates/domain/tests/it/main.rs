//! Rules against the in-memory store, with a manual clock and seeded randomness.
//!
//! One file per feature, one `World` per test. To add a test: create a [`world::World`], call its methods, and check
//! results, stored data, mails and audit events.

#![cfg(test)]

#[macro_use]
mod world;
mod spy;

mod access;
mod administer;
mod audience_token;
mod audit;
mod change_email;
mod change_password;
mod confirm;
mod constant_work;
mod delete_account;
mod deliver_mail;
mod export_user;
mod housekeeping;
mod idle_timeout;
mod import;
mod keys;
mod link_revocation;
mod metric_events;
mod operator;
mod outbox_capacity;
mod password_rules;
mod pending_emails;
mod rate_limits;
mod recover;
mod renewal;
mod sealing;
mod session_rollback;
mod sessions;
mod sign_in;
mod sign_in_notice;
mod sign_out;
mod sign_up;
mod step_up;
mod undo_email_change;
mod update_profile;
