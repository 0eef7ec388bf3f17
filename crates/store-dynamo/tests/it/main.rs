//! The store against an emulator of DynamoDB.

#![cfg(test)]

mod contract;
mod faults;
mod late_index;
mod new_record;
mod queries;
mod support;
mod table;
