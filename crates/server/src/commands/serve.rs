//! `doorward serve`

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use doorward_domain::ctx::Actor;
use doorward_web::{App, AppParts, Stopping};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::config::Config;
use crate::inbox::inbox;
use crate::listener::certificate::Files;
use crate::listener::drain::{self, Phase};
use crate::listener::{self, Door, Owner, Tls};
use crate::{bootstrap, logging, wiring, worker};

/// How long the duties have for their last turn. A mail server may think longer about a mail.
const LAST_TURN: Duration = Duration::from_secs(15);

/// Runs the server until it is told to stop.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    logging::start(config)?;
    let tls = match Files::of(config) {
        Some(files) => Some(Arc::new(Tls::new(files.load()?.certified)?)),
        None => None,
    };
    let socket = TcpListener::bind(config.listen).await.with_context(|| {
        format!("cannot listen on {}: another program may be there; choose another with DOORWARD_LISTEN", config.listen)
    })?;
    let listening = socket.local_addr()?;
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
        observer: Arc::new(doorward_web::Unobserved),
        inbox: inbox(&wired, &stop),
    });
    let mut duties = worker::start(&wired, &stop);
    let (phases, phase) = watch::channel(Phase::Serving);
    let door = Door {
        sockets: vec![socket],
        owner: Owner::Us,
        tls,
    };
    let router = doorward_web::router(app);
    let serving = tokio::spawn(listener::serve(door, router, phase.clone()));
    // Before anybody hears that it is ready: whoever hears it may stop it at once.
    let asked = stop_signals()?;
    super::say(&bootstrap::welcome(config, &public_url, made_up.as_ref()));
    tracing::info!(listen = %listening, public_url, "ready");
    let time = Duration::from_secs(config.shutdown_drain_seconds);
    tokio::spawn(async move { drain::go_through(&phases, time, asked).await });
    Phase::Draining.reached(&phase).await;
    stopping.begin();
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
    tracing::info!("stopped");
    Ok(())
}

/// The signals that stop a server, each passed on from here on.
fn stop_signals() -> std::io::Result<mpsc::Receiver<()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (ask, asked) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut is_heard = true;
        while is_heard {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            is_heard = ask.send(()).await.is_ok();
        }
    });
    Ok(asked)
}
