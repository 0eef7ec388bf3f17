//! `doorward healthcheck [--ready]`: what a container runs to see whether its server lives. It is the
//! binary itself, since there is no shell beside it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::Output;
use crate::cli::HealthcheckArgs;
use crate::config::Config;
use crate::fetch;

pub(super) async fn run(
    config: &Config,
    args: &HealthcheckArgs,
    output: Output,
) -> anyhow::Result<()> {
    let path = if args.ready { "/readyz" } else { "/healthz" };
    let address = reachable(config.listen);
    let answer = fetch::get_here(config, address, path)
        .await
        .with_context(|| format!("nothing answers at {address}"))?;
    if answer.status != 200 {
        let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or_default();
        bail!("{path} answered {}. {detail}", answer.status);
    }
    output.print("It is well.", &json!({"ok": true}))?;
    Ok(())
}

/// The address by which this machine reaches what listens there: `0.0.0.0` is no place to go to.
pub(super) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
