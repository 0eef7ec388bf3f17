//! The pages as users see them: the binary, with Chromium and chromedriver.
//!
//! Few tests, each a whole journey; `it` tests single requests and responses. To add a page: add a step to
//! `pages::walk`, which checks every page. One test runs at a time (`browser::Browser::open`), since each starts a
//! browser and machines are small.

#![cfg(test)]

mod browser;
mod journeys;
mod page_checks;
mod pages;
mod scripts;
mod server;
