//! The pages as people meet them: the binary itself, in Chromium, driven by chromedriver.
//!
//! Few tests and whole journeys; what a request and its answer can show is tested in `it`. To add
//! a page: a step in `pages::walk`, which has every page looked over. One test runs at a time
//! (`browser::Browser::open`), for each has a browser of its own and machines are small.

#![cfg(test)]

mod audit;
mod browser;
mod journeys;
mod pages;
mod scripts;
mod server;
