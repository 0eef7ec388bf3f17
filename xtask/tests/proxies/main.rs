//! The examples behind nginx, Caddy and Traefik, with the real proxies: `examples/` holds the very files
//! that run here, but for ports and certificates. Doorward, a site and a proxy make a stand (`stand`);
//! curl asks as a browser or as a program does (`client`), Chromium once (`browser`), and newman (`collection`).
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

/// Each test once for every proxy.
macro_rules! every_proxy {
    ($($test:ident),+ $(,)?) => {
        mod nginx { $(#[test] fn $test() { super::$test(crate::stand::Kind::Nginx); })+ }
        mod caddy { $(#[test] fn $test() { super::$test(crate::stand::Kind::Caddy); })+ }
        mod traefik { $(#[test] fn $test() { super::$test(crate::stand::Kind::Traefik); })+ }
    };
}
pub(crate) use every_proxy;
