//! `doorward serve`

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use doorward_domain::ctx::Actor;
use doorward_web::{App, AppParts, Stopping};
use tokio::signal::unix::SignalKind;
use tokio::sync::watch;
use tokio::time::timeout;

use super::Output;
use crate::config::Config;
use crate::inbox::inbox;
use crate::listener::drain::{self, Phase};
use crate::listener::notify::{self, ServiceManager};
use crate::listener::reloading::{self, Reloading};
use crate::listener::signals::signals;
use crate::listener::{self, Door, activation};
use crate::system::SystemClock;
use crate::{bootstrap, logging, telemetry, wiring, worker};

/// How long the duties have for their last turn. A mail server may think longer about a mail.
const LAST_TURN: Duration = Duration::from_secs(15);

/// Runs the server until it is told to stop.
pub(super) async fn run(config: &Config, output: Output) -> anyhow::Result<()> {
    let traces = logging::start(config)?;
    let manager = Arc::new(ServiceManager::of_environment());
    let sockets = activation::open(config).await?;
    let listening = sockets.address;
    let reloading = Reloading::start(config, Arc::new(SystemClock::default()))?;
    let wired = Arc::new(wiring::wire(config, listening).await?);
    wired
        .accounts
        .ensure_keys(&wired.ctx(Actor::Worker))
        .await?;
    let made_up = bootstrap::ensure_admin(&wired, config).await?;
    let public_url = config.public_url(listening);
    let (stopper, stop) = watch::channel(false);
    let stopping = Stopping::default();
    let app = App::new(AppParts {
        accounts: wired.accounts.clone(),
        secrets: wired.secrets.clone(),
        stopping: stopping.clone(),
        observer: telemetry::observer(&wired),
        inbox: inbox(&wired, &stop),
        trusted_proxies: config.trusted_proxies.clone(),
    });
    // Until the very end: what a server does while it stops is worth seeing.
    let _metrics = telemetry::serve(config, &wired).await?;
    let mut duties = worker::start(&wired, &stop);
    let (phases, phase) = watch::channel(Phase::Serving);
    let door = Door {
        sockets: sockets.listeners,
        owner: sockets.owner,
        tls: reloading.as_ref().map(Reloading::tls),
    };
    let router = doorward_web::router(app);
    let serving = tokio::spawn(listener::serve(door, router, phase.clone()));
    // Before anybody hears that it is ready: whoever hears it may stop it at once.
    let asked = signals([SignalKind::terminate(), SignalKind::interrupt()])?;
    let hangups = signals([SignalKind::hangup()])?;
    tokio::spawn(reloading::keep(reloading, hangups, manager.clone()));
    tokio::spawn(notify::keep_alive(manager.clone()));
    output.print(
        &bootstrap::welcome(config, &public_url, made_up.as_ref()),
        &bootstrap::welcome_value(config, &public_url, made_up.as_ref()),
    );
    tracing::info!(listen = %listening, public_url, "ready");
    manager.ready();
    let time = Duration::from_secs(config.shutdown_drain_seconds);
    tokio::spawn(async move { drain::go_through(&phases, time, asked).await });
    Phase::Draining.reached(&phase).await;
    stopping.begin();
    manager.stopping(time);
    Phase::Stopping.reached(&phase).await;
    stopper.send_replace(true);
    serving.await.context("the listener failed")?;
    let over = async { while duties.join_next().await.is_some() {} };
    if timeout(LAST_TURN, over).await.is_err() {
        tracing::warn!(
            "a mail was still being sent; it is tried again elsewhere, or after the next start"
        );
    }
    wired.close().await;
    if let Some(traces) = traces {
        traces.close().await;
    }
    tracing::info!("stopped");
    Ok(())
}
