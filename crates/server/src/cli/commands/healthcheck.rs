//! `doorward healthcheck [--ready]`: the health check of a container, in which there is no shell.

use clap::Args;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context, bail};
use hyper::Response;
use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::cli::output::Output;
use crate::config::Config;
use crate::fetch::HttpsClient;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  doorward healthcheck --ready")]
pub struct HealthcheckArgs {
    /// Also check that its stores are available
    #[arg(long)]
    pub ready: bool,
}

pub(super) async fn run(
    config: &Config,
    args: &HealthcheckArgs,
    output: Output,
) -> anyhow::Result<()> {
    let path = if args.ready { "/readyz" } else { "/healthz" };
    let response = get_local(config, path)
        .await
        .with_context(|| format!("no server responds at {}", local_address(config.listen)))?;
    if response.status() != 200 {
        let problem: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or_default();
        bail!("{path} returned {}. {detail}", response.status().as_u16());
    }
    output.print("The server is healthy.", &json!({"ok": true}))
}

/// Sends a GET request to the server on this machine.
pub(super) async fn get_local(config: &Config, path: &str) -> anyhow::Result<Response<Bytes>> {
    let scheme = if config.has_tls() { "https" } else { "http" };
    let url = format!("{scheme}://{}{path}", local_address(config.listen));
    HttpsClient::for_this_machine()?.get(&url).await
}

/// The address to reach a listener on this machine: nothing can connect to `0.0.0.0`.
fn local_address(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
