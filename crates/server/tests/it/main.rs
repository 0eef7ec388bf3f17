//! The server from its clients' view. The folders mirror the URLs; `e2e` runs the binary.

#![cfg(test)]

mod access_table;
mod audit;
mod auth;
mod body;
mod confirmation;
mod cors;
mod cross_site;
mod disconnects;
#[cfg(feature = "aws")]
mod dynamodb_budget;
mod e2e;
mod email_undo;
mod factor_undo;
mod factors;
mod headers;
mod inbox;
mod invitation;
#[cfg(feature = "aws")]
mod late_index;
mod model;
mod nodes;
mod openapi;
mod operations;
mod outbox;
mod pages;
mod password;
mod plain_http;
mod privacy;
mod proxy_paths;
mod races;
mod rate_limits;
mod recovery;
mod route_matrix;
mod second_factor_walk;
mod sessions;
mod signing_keys;
mod step_up;
mod store_matrix;
mod support;
mod totals;
mod users;
