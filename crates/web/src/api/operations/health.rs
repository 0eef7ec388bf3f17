//! `/healthz` and `/readyz`: for whatever restarts or routes to this process.

use axum::Json;
use axum::extract::State;
use doorward_domain::Error;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::problem::{Code, Problem};

/// How it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok` or `ready`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// The process lives.
#[utoipa::path(get, path = "/healthz", tag = "Operations", responses((status = 200, description = "It lives", body = Health)))]
pub(crate) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Its stores answer.
#[utoipa::path(get, path = "/readyz", tag = "Operations", responses((status = 200, description = "It is ready", body = Health)))]
pub(crate) async fn readyz(State(app): State<App>) -> Result<Json<Health>, Problem> {
    for (part, outcome) in app.accounts.readiness().await {
        if let Err(error) = outcome {
            let mut problem = Problem::from(Error::Store(error));
            problem.code = Code::StoreUnavailable;
            problem.detail = Some(format!("The {part} does not answer."));
            return Err(problem);
        }
    }
    Ok(Json(Health { status: "ready" }))
}
