//! `doorward serve`

mod demo;
mod ephemeral;
mod parent;

use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use doorward_domain::ctx::Actor;
use doorward_domain::model::Node;
use doorward_domain::values::Secret;
use doorward_web::{App, ShutdownFlag};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::doctor;
use crate::cli::output::Output;
use crate::config::{Config, FlagOverride, load, load_demo, load_ephemeral};
use crate::database::Database;
use crate::listener::activation::{self, Sockets};
use crate::listener::service_manager::{self, ServiceManager};
use crate::listener::shutdown::{self, Phase};
use crate::listener::signals::{self, Signals};
use crate::listener::{self, Listener};
use crate::system::{SystemClock, SystemRandomSource};
use crate::telemetry::logging;
use crate::telemetry::{self, Traces};
use crate::tls::certificate_reload::{CertificateReloader, Reloading};
use crate::wiring::{self, Components, bootstrap};
use crate::worker;

use demo::DemoFolder;

/// Examples of `serve`, and an explanation of in-memory servers.
pub const EXAMPLES: &str = "Examples:
  DOORWARD_LISTEN=127.0.0.1:9000 doorward serve
  doorward serve --dev-tls
  doorward serve --demo
  doorward serve --ephemeral

A demo (--demo) is for trying Doorward. Its data is in a temporary folder, which
is deleted when the server stops. It may listen on any address without a public
URL and a mail server: its inbox opens only with the link that it prints.

An in-memory server (--ephemeral) is for the tests of other projects. It keeps
everything in memory, listens on a free loopback port, collects mail in its
inbox and does not throttle. It reads no file and only these environment
variables: DOORWARD_LISTEN, DOORWARD_ENUMERATION_PROTECTION,
DOORWARD_SIGN_UP__CONFIRM_EMAIL, DOORWARD_PASSWORD__MIN_LENGTH,
DOORWARD_THROTTLE__ENABLED, DOORWARD_ADMIN__PASSWORD, DOORWARD_ADMIN__EMAIL,
DOORWARD_LOG__FILTER, DOORWARD_LOG__FORMAT. When it is ready it prints one line
of JSON: url, inbox_url, admin, pid. It stops on SIGTERM, when the process that
started it ends, and when a standard input that was held open is closed.
See docs/integrate/testing.md";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ServeArgs {
    /// Use TLS with a self-signed certificate (default address: `https://localhost:9443`)
    #[arg(long, conflicts_with = "ephemeral")]
    pub dev_tls: bool,
    /// Try Doorward: all data is lost when the server stops
    #[arg(long, conflicts_with_all = ["ephemeral", "dev_tls"])]
    pub demo: bool,
    /// Run an in-memory server for tests and print its address as JSON
    #[arg(long)]
    pub ephemeral: bool,
}

/// Error of a listener that ended by itself.
const FAILED: &str = "a listener failed";
/// Time limit for the last runs of background tasks. A mail server may take longer to accept a mail.
const FINISH_TIMEOUT: Duration = Duration::from_secs(15);

/// `serve --dev-tls`
const DEVELOPMENT: FlagOverride = FlagOverride {
    name: "--dev-tls",
    key: "tls.development",
};

pub(super) async fn run(
    file: Option<&Path>,
    args: &ServeArgs,
    output: Output,
) -> anyhow::Result<()> {
    if args.ephemeral {
        ensure!(
            file.is_none(),
            "an in-memory server reads no file. Remove --config or --ephemeral"
        );
        return ephemeral::run(&load_ephemeral()?.config).await;
    }
    if args.demo {
        let random = SystemRandomSource::new();
        // Deleted at the end of this block, once the server has stopped.
        let folder = DemoFolder::create(&random)?;
        let loaded = load_demo(file, folder.path(), demo::generate_key(&random));
        return serve(&wiring::check::for_start(loaded)?.config, output).await;
    }
    let loaded = load(file, args.dev_tls.then_some(DEVELOPMENT));
    serve(&wiring::check::for_start(loaded)?.config, output).await
}

/// Runs the server until it receives a signal to stop.
async fn serve(config: &Config, output: Output) -> anyhow::Result<()> {
    // Before anything slow: the kernel drops signals to the first process of a container if it has no handler.
    let Signals { mut stop, reload } = signals::listen(config)?;
    let traces = logging::start(config)?;
    let manager = Arc::new(ServiceManager::from_env());
    let Some(prepared) = prepare_unless_stopped(config, &mut stop).await? else {
        return Ok(());
    };
    let PreparedServer {
        sockets,
        reloading,
        components,
        generated_password,
        database_lock: _database_lock,
    } = prepared;
    let listening = sockets.address;
    let public_url = config.public_url(listening);
    let (stopper, stopped) = watch::channel(false);
    let shutdown = ShutdownFlag::default();
    let diagnose = Some(doctor::checks(config));
    let node = Arc::new(worker::this_node(&components));
    let app = wiring::app(
        &components,
        config,
        shutdown.clone(),
        &stopped,
        diagnose,
        Some(&node),
    );
    let (phases, phase) = watch::channel(Phase::Serving);
    let mut listeners = listen(
        config,
        sockets,
        reloading.as_ref(),
        &components,
        app.clone(),
        phase.clone(),
    )
    .await?;
    let mut tasks = worker::start(&components, &node, &stopped);
    let reloader = CertificateReloader::new(reloading, reload, manager.clone());
    worker::start_certificate_task(&mut tasks, &components, &stopped, reloader);
    tokio::spawn(service_manager::keep_alive(manager.clone()));
    tracing::info!(listen = %listening, public_url, "ready");
    if config.demo_key.is_some() {
        tracing::warn!("this is a demo: all data is lost when the server stops");
    }
    // Last, so that no line of the start follows it.
    print_banner(config, &public_url, generated_password.as_ref(), output);
    manager.ready();
    let time = Duration::from_secs(config.shutdown_drain_seconds);
    tokio::spawn(async move { shutdown::advance(&phases, time, stop).await });
    listeners.until(Phase::Draining.wait_for(&phase)).await?;
    shutdown.set();
    manager.stopping(time);
    listeners.until(Phase::Stopping.wait_for(&phase)).await?;
    stopper.send_replace(true);
    listeners.end().await?;
    tokio::select! {
        () = close(tasks, &app, &components, &node, traces) => {}
        // In the last phase, tasks that still run are aborted.
        () = Phase::Aborting.wait_for(&phase) => worker::return_mail_leases(&components).await,
    }
    tracing::info!("stopped");
    Ok(())
}

/// Returns `None` if a signal to stop arrives first.
async fn prepare_unless_stopped(
    config: &Config,
    stop: &mut mpsc::Receiver<()>,
) -> anyhow::Result<Option<PreparedServer>> {
    tokio::select! {
        // Checked first, even if a signal has arrived: a generated password must be printed.
        biased;
        prepared = prepare(config) => prepared.map(Some),
        // A start that is not finished is aborted, as by a crash.
        Some(()) = stop.recv() => {
            tracing::info!("stopped during start-up");
            Ok(None)
        }
    }
}

/// Starts the listener of the service, and that of the metrics.
async fn listen(
    config: &Config,
    sockets: Sockets,
    reloading: Option<&Reloading>,
    components: &Components,
    app: App,
    phase: watch::Receiver<Phase>,
) -> anyhow::Result<Listeners> {
    let mut serving = JoinSet::new();
    let certificate_expires = reloading.map(Reloading::not_after);
    let metrics = telemetry::listen(
        config,
        components.metrics.clone(),
        &components.doorward,
        certificate_expires,
    )
    .await?;
    if let Some((listener, router)) = metrics {
        serving.spawn(listener::serve(listener, router, phase.clone()));
    }
    let listener = Listener {
        sockets: sockets.listeners,
        owner: sockets.owner,
        tls: reloading.map(Reloading::tls),
        limits: wiring::limits(config),
        observer: telemetry::connection_observer(components.metrics.clone()),
    };
    serving.spawn(listener::serve(listener, doorward_web::router(app), phase));
    Ok(Listeners(serving))
}

/// Prints the URLs and, once, the generated password. If that fails, the server goes on.
fn print_banner(
    config: &Config,
    public_url: &str,
    generated_password: Option<&Secret<String>>,
    output: Output,
) {
    // Unwrapped, so that no link is broken.
    let printed = output.print_unwrapped(
        &bootstrap::banner(config, public_url, generated_password),
        &bootstrap::banner_json(config, public_url, generated_password),
    );
    if let Err(error) = printed {
        tracing::error!(
            error = format!("{error:#}"),
            "failed to print the start-up banner. If it contained the first admin password, set a new one: `doorward user set-password admin`"
        );
    }
}

/// A server that has not accepted a connection yet.
struct PreparedServer {
    sockets: Sockets,
    reloading: Option<Reloading>,
    components: Arc<Components>,
    /// The generated password of the first admin, if there was no admin.
    generated_password: Option<Secret<String>>,
    /// The lock of the embedded database, held until the process ends.
    database_lock: Option<File>,
}

/// Locks the embedded database until the process ends. Returns `None` if there is none, or if another running server
/// has the lock: that one may hold leases on mails.
fn lock_database(config: &Config) -> anyhow::Result<Option<File>> {
    let Some(database) = Database::file(config) else {
        return Ok(None);
    };
    let path = database.with_added_extension("lock");
    let lock = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => {
            tracing::warn!(db.file = %database.display(), "another server uses this database");
            Ok(None)
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

/// Opens the sockets and the stores, and prepares the stores.
async fn prepare(config: &Config) -> anyhow::Result<PreparedServer> {
    let sockets = activation::open(config).await?;
    let (clock, random) = (SystemClock::default(), SystemRandomSource::new());
    let reloading = Reloading::start(config, Arc::new(clock), Arc::new(random))?;
    let components = Arc::new(wiring::build(config, sockets.address).await?);
    wiring::check::ensure_peppers(&components).await?;
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    components
        .doorward
        .keys
        .ensure(&components.ctx(Actor::Worker))
        .await?;
    let database_lock = lock_database(config)?;
    if database_lock.is_some() {
        let ctx = components.ctx(Actor::Worker);
        components.doorward.outbox.expire_leases(&ctx).await?;
    }
    components
        .doorward
        .audit
        .record_server_start(&components.ctx(Actor::Worker), &summary(config))
        .await?;
    let generated_password = bootstrap::ensure_admin(&components, config).await?;
    Ok(PreparedServer {
        sockets,
        reloading,
        components,
        generated_password,
        database_lock,
    })
}

/// Summary of the configuration, for the audit log.
fn summary(config: &Config) -> String {
    let scheme = |url: &str| url.split(':').next().unwrap_or_default().to_owned();
    let on_off = |on| if on { "on" } else { "off" };
    format!(
        "version {}; database {}; sessions {}; throttle {}; enumeration protection {}; master key {}; audit retention {} days",
        env!("CARGO_PKG_VERSION"),
        scheme(&config.database_url()),
        if config.redis_url.is_some() {
            "redis"
        } else {
            "database"
        },
        on_off(config.policy.throttle),
        on_off(config.policy.enumeration_protection),
        if config.master_key.is_some() {
            "configured"
        } else {
            "in a file"
        },
        config
            .policy
            .audit_retention
            .map_or(0, |time| time.as_hours() / 24),
    )
}

/// The running listeners. If one of them fails, the server ends, so that it does not look healthy and the service
/// manager restarts it.
///
/// Each ends without an error at a stop.
struct Listeners(JoinSet<anyhow::Result<()>>);

impl Listeners {
    /// Waits for `something`; fails if a listener fails before.
    async fn until(&mut self, something: impl Future<Output = ()>) -> anyhow::Result<()> {
        let mut something = std::pin::pin!(something);
        loop {
            tokio::select! {
                // The phases may have advanced to the end before this is polled.
                Some(served) = self.0.join_next() => served.context(FAILED).flatten()?,
                () = &mut something => return Ok(()),
            }
        }
    }

    /// Waits until the listeners have ended, after a signal to stop.
    async fn end(&mut self) -> anyhow::Result<()> {
        while let Some(served) = self.0.join_next().await {
            served.context(FAILED).flatten()?;
        }
        Ok(())
    }
}

/// Waits for background tasks and for requests of disconnected clients, then closes all connections.
async fn close(
    mut tasks: JoinSet<()>,
    app: &App,
    components: &Components,
    node: &Node,
    traces: Option<Traces>,
) {
    let over = async { while tasks.join_next().await.is_some() {} };
    let (_, settled) = tokio::join!(
        timeout(FINISH_TIMEOUT, over),
        timeout(FINISH_TIMEOUT, app.wait_for_writes())
    );
    worker::return_mail_leases(components).await;
    if settled.is_err() {
        tracing::warn!("aborted a request of a disconnected client");
    }
    worker::write_totals(components).await;
    worker::remove_node(components, node).await;
    worker::seal_remaining(components).await;
    components.close().await;
    if let Some(traces) = traces {
        traces.close().await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    fn listening(task: impl Future<Output = anyhow::Result<()>> + Send + 'static) -> Listeners {
        let mut serving = JoinSet::new();
        serving.spawn(task);
        Listeners(serving)
    }

    #[tokio::test]
    async fn a_listener_that_fails_ends_the_server_with_an_error() {
        let mut panicked = listening(async { panic!("it breaks") });
        let error = panicked.until(pending()).await.unwrap_err();
        assert_eq!(error.to_string(), "a listener failed");
    }

    #[tokio::test]
    async fn a_listener_may_have_stopped_before_join() {
        let mut stopped = listening(async { Ok(()) });
        let some_time = async {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        };
        stopped.until(some_time).await.unwrap();
        stopped.until(ready(())).await.unwrap();
        stopped.end().await.unwrap();
    }
}
