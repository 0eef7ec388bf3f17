//! The function `worker`: does once what the background tasks of a server do.
//!
//! The stream of the table wakes it for new mails, and a schedule each minute for everything.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use doorward_domain::ctx::Actor;
use jiff::Timestamp;
use lambda_http::{LambdaEvent, lambda_runtime, service_fn};
use serde_json::Value;
use tokio::time::Instant;

use crate::config::Config;
use crate::wiring::{self, Components};
use crate::worker::once::{Extent, run_once};

pub(super) async fn run(config: &Config) -> anyhow::Result<()> {
    let components = Arc::new(super::open(config).await?);
    wiring::check::ensure_peppers(&components).await?;
    // So that the first user need not wait for the schedule. Each run of it does the same.
    let ctx = components.ctx(Actor::Worker);
    components.doorward.keys.ensure(&ctx).await?;
    let handler = service_fn(move |event: LambdaEvent<Value>| {
        let components = components.clone();
        async move { handle(&components, event).await }
    });
    let ended = lambda_runtime::run(handler).await;
    ended.map_err(|error| anyhow!(error).context("the runtime of Lambda failed"))
}

/// An error is reported to Lambda, which counts it and repeats the event.
async fn handle(
    components: &Components,
    event: LambdaEvent<Value>,
) -> Result<(), lambda_http::Error> {
    let (payload, context) = event.into_parts();
    let extent = match payload.get("Records") {
        Some(_) => Extent::Mail,
        None => Extent::All,
    };
    let deadline = Timestamp::try_from(context.deadline())?;
    let remaining = deadline.duration_since(components.doorward.now());
    let remaining = Duration::try_from(remaining).unwrap_or_default();
    Ok(run_once(components, extent, Instant::now() + remaining).await?)
}
