//! The proxy examples with real nginx, Caddy and Traefik: the files of `examples/`, except ports and certificates.
//! `stand` starts Doorward, a site and a proxy; curl sends requests as a browser or a program (`client`), Chromium
//! once (`browser`), and newman (`collection`).
//!
//! To add a proxy: its folder in `examples`, an arm in `stand`, a line in `every_proxy!`.

#![cfg(test)]

mod browser;
mod client;
mod closed;
mod collection;
mod forged;
mod journey;
mod programs;
mod stand;

/// Runs each test once for every proxy.
macro_rules! every_proxy {
    ($($test:ident),+ $(,)?) => {
        mod nginx { $(#[test] fn $test() { super::$test(crate::stand::Kind::Nginx); })+ }
        mod caddy { $(#[test] fn $test() { super::$test(crate::stand::Kind::Caddy); })+ }
        mod traefik { $(#[test] fn $test() { super::$test(crate::stand::Kind::Traefik); })+ }
    };
}
pub(crate) use every_proxy;
