//! `doorward serve`

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use doorward_domain::ctx::Actor;
use doorward_web::{App, AppParts, Inbox, InboxMail};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::config::Config;
use crate::{bootstrap, logging, serve, wiring, worker};

/// How long the duties have for their last turn. A mail server may think longer about a mail.
const LAST_TURN: Duration = Duration::from_secs(15);

/// Runs the server until it is told to stop.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    logging::start(config)?;
    let listener = TcpListener::bind(config.listen).await.with_context(|| {
        format!("cannot listen on {}: another program may be there; choose another with DOORWARD_LISTEN", config.listen)
    })?;
    let listening = listener.local_addr()?;
    let wired = Arc::new(wiring::wire(config, listening).await?);
    wired
        .accounts
        .ensure_keys(&wired.ctx(Actor::Worker))
        .await?;
    let made_up = bootstrap::ensure_admin(&wired, config).await?;
    let public_url = config.public_url(listening);
    let app = App::new(AppParts {
        accounts: wired.accounts.clone(),
        secrets: wired.secrets.clone(),
        inbox: wired
            .inbox
            .clone()
            .map(|inbox| Arc::new(MailInbox(inbox)) as Arc<dyn Inbox>),
    });
    let (stopper, stop) = watch::channel(false);
    let mut duties = worker::start(&wired, &stop);
    let serving = tokio::spawn(serve::serve(listener, doorward_web::router(app), stop));
    // Before anybody hears that it is ready: whoever hears it may stop it at once.
    let told_to_stop = stop_signal()?;
    super::say(&bootstrap::welcome(config, &public_url, made_up.as_ref()));
    tracing::info!(listen = %listening, public_url, "ready");
    told_to_stop.await;
    tracing::info!("stopping; what runs may finish");
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

/// Listens for the signals that stop a server from here on; the future ends with the first.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// The mail part's inbox, as the web part shows it.
struct MailInbox(doorward_mail::Inbox);

impl Inbox for MailInbox {
    fn list(&self) -> Vec<InboxMail> {
        let shown = |mail: doorward_mail::InboxMail| InboxMail {
            id: mail.id,
            to: mail.to,
            subject: mail.subject,
            text: mail.text,
            url: mail.url,
            at: mail.at.to_string(),
        };
        self.0.list().into_iter().map(shown).collect()
    }
}
