//! The program as two functions of AWS Lambda, `api` and `worker`, from one zip file.
//!
//! Lambda starts the program without arguments and sets `AWS_LAMBDA_RUNTIME_API`; with arguments, it is the command line. The
//! handler of the function chooses what it does: `api` responds to the requests of API Gateway, `worker` does once what
//! the background tasks of a server do. Lambda freezes the process between two events, so nothing here relies on a task
//! that runs in between, on a disk, or on a write at the start.

mod api;
mod parameter;
mod worker;

use anyhow::{Context, bail};

use crate::config::{Config, LambdaEnvironment, load_lambda};
use crate::telemetry::logging;
use crate::wiring::{self, Components};

/// The environment, if Lambda has started this program as a function.
pub fn environment() -> Option<LambdaEnvironment> {
    let has_arguments = std::env::args_os().len() > 1;
    LambdaEnvironment::read().filter(|_| !has_arguments)
}

/// Runs the function until Lambda ends the process.
pub async fn run(environment: LambdaEnvironment) -> anyhow::Result<()> {
    let secrets = match &environment.secrets_parameter {
        Some(name) => parameter::read(&environment, name)
            .await
            .with_context(|| format!("cannot read the parameter {name}"))?,
        None => String::new(),
    };
    let loaded = wiring::check::for_start(load_lambda(&secrets))?;
    let config = &loaded.config;
    logging::start(config)?;
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    match environment.handler.as_str() {
        "api" => api::run(config).await,
        "worker" => worker::run(config).await,
        other => bail!("the handler of this function is `{other}`. Set it to `api` or `worker`"),
    }
}

async fn open(config: &Config) -> anyhow::Result<Components> {
    wiring::build_in_folder(config, config.listen).await
}
