//! The store against an emulator of DynamoDB.

#![cfg(test)]

mod contract;
mod faults;
mod new_record;
mod queries;
mod table;
