//! The proxy examples with real nginx, Caddy and Traefik: the files of `examples/`, except ports and certificates.
//! `stack` starts Doorward, a site and a proxy; curl sends requests as a browser or a program (`client`), Chromium
//! once (`browser`), and newman (`collection`).
//!
//! To add a proxy: its folder in `examples`, an arm in `stack`, a line in `every_proxy!`.

#![cfg(test)]

mod access_denied;
mod api_clients;
mod browser;
mod client;
mod collection;
mod forged;
mod journey;
mod stack;

/// Runs each test once for every proxy.
macro_rules! every_proxy {
    ($($test:ident),+ $(,)?) => {
        mod nginx { $(#[test] fn $test() { super::$test(crate::stack::Kind::Nginx); })+ }
        mod caddy { $(#[test] fn $test() { super::$test(crate::stack::Kind::Caddy); })+ }
        mod traefik { $(#[test] fn $test() { super::$test(crate::stack::Kind::Traefik); })+ }
    };
}
pub(crate) use every_proxy;
