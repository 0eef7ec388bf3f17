//! Rules against the in-memory store, with a manual clock and seeded randomness.
//!
//! One file per feature, one `TestNode` per test. To add a test: create a [`test_node::TestNode`], call its methods, and check
//! results, stored data, mails and audit events.

#![cfg(test)]

#[macro_use]
mod test_node;
mod spy;

mod access;
mod admin;
mod admin_list;
mod admin_operator;
mod admin_sign_in_failures;
mod audience_token;
mod audit;
mod audit_read;
mod constant_work;
mod deletion;
mod email_change;
mod email_confirm;
mod email_undo;
mod factors;
mod housekeeping;
mod idle_timeout;
mod invitation;
mod keys;
mod link_revocation;
mod mailbox_limits;
mod metric_events;
mod nodes;
mod outbox;
mod outbox_capacity;
mod outbox_manage;
mod password;
mod password_rules;
mod pending_emails;
mod profile_delete;
mod profile_export;
mod profile_update;
mod rate_limits;
mod recovery;
mod renewal;
mod sealing;
mod session_rollback;
mod sessions;
mod sign_in;
mod sign_in_notice;
mod sign_out;
mod sign_up;
mod sign_up_cookie;
mod step_up;
mod totals;
mod transfer_import;
