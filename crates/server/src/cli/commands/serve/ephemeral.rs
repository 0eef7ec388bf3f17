//! `doorward serve --ephemeral`: an in-memory server for the tests of other projects. It stops when the process that
//! started it ends.

use std::sync::Arc;

use anyhow::Context;
use doorward_domain::ctx::Actor;
use doorward_web::ShutdownFlag;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::cli::output::say;
use crate::config::Config;
use crate::listener::shutdown::Phase;
use crate::listener::{self, Listener, SocketOwner};
use crate::telemetry::logging;
use crate::wiring::{self, bootstrap};
use crate::worker;

use super::parent;

/// Serves until it is stopped or its parent has ended.
pub(super) async fn run(config: &Config) -> anyhow::Result<()> {
    logging::start(config)?;
    // First, so that a parent that ends during the start is noticed.
    let gone = parent::wait_for_parent_exit();
    let socket = listener::bind(config.listen, "DOORWARD_LISTEN").await?;
    let listening = socket.local_addr()?;
    let components = Arc::new(wiring::build_in_memory(config, listening)?);
    let doorward = &components.doorward;
    doorward.keys.ensure(&components.ctx(Actor::Worker)).await?;
    let generated_password = bootstrap::ensure_admin(&components, config).await?;
    let (_stopper, stop) = watch::channel(false);
    let node = Arc::new(worker::this_node(&components));
    let shutdown = ShutdownFlag::default();
    let app = wiring::app(&components, config, shutdown, &stop, None, Some(&node));
    let _tasks = worker::start(&components, &node, &stop);
    let (_phases, phase) = watch::channel(Phase::Serving);
    let listener = Listener {
        sockets: vec![socket],
        owner: SocketOwner::Process,
        tls: None,
        limits: wiring::limits(config),
        observer: None,
    };
    let mut serving = tokio::spawn(listener::serve(listener, doorward_web::router(app), phase));
    // Before the server reports that it is ready, since it may be stopped at once.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let password = generated_password
        .as_ref()
        .or(config.admin_password.as_ref());
    let public_url = config.public_url(listening);
    say(&bootstrap::banner_json(config, &public_url, password).to_string())?;
    let outcome = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        () = gone => Ok(()),
        served = &mut serving => served.context("the listener failed").flatten(),
    };
    // Requests in flight need not finish: everything is lost anyway.
    serving.abort();
    outcome
}
