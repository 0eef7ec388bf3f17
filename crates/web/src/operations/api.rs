//! `/healthz` and `/readyz`: for supervisors and load balancers (H-14).

use axum::extract::State;
use doorward_domain::Error;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::json::Json;
use crate::http::problem::{Code, Problem};

/// The status.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok` or `ready`.
    #[schema(pattern = "^(ok|ready)$", example = "ok")]
    status: &'static str,
}

/// Returns 200 while the process is running.
#[utoipa::path(get, path = "/healthz", tag = "Operations", responses((status = 200, description = "Running", body = Health)))]
pub(crate) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Returns 200 if the stores respond and the server is not shutting down.
#[utoipa::path(get, path = "/readyz", tag = "Operations", responses((status = 200, description = "Ready", body = Health)))]
pub(crate) async fn readyz(State(app): State<App>) -> Result<Json<Health>, Problem> {
    if app.shutdown.is_set() {
        return Err(Problem::new(Code::Stopping));
    }
    let mut down = Vec::new();
    for (component, outcome) in app.doorward.housekeeping.readiness().await {
        if let Err(error) = outcome {
            down.push((component, error));
        }
    }
    let names: Vec<_> = down.iter().map(|(name, _)| format!("the {name}")).collect();
    let verb = if down.len() == 1 { "does" } else { "do" };
    for (component, error) in down.iter().skip(1) {
        tracing::error!(component, error = %error.cause, "another component is also unavailable");
    }
    if let Some((_, error)) = down.into_iter().next() {
        let sentence = format!("{} {verb} not respond.", names.join(" and "));
        return Err(Problem {
            detail: Some(sentence.replacen('t', "T", 1)),
            ..Problem::from(Error::Store(error))
        });
    }
    Ok(Json(Health { status: "ready" }))
}
