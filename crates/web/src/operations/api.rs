//! `/healthz` and `/readyz`: for supervisors and load balancers (H-14). `GET /node`: the nodes, for admins.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use doorward_domain::Error;
use doorward_domain::model::Node;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::caller::Caller;
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
    for (component, outcome) in app.doorward.readiness.probe().await {
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

/// The nodes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NodeList)]
pub(crate) struct NodeListView {
    /// The nodes, by name and start.
    items: Vec<NodeView>,
}

/// A node: a server that runs, or that ended less than an hour ago without deleting its record.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Node)]
pub(crate) struct NodeView {
    /// Name of its machine.
    #[schema(example = "accounts-1")]
    name: String,
    /// Version of the program.
    #[schema(example = "0.1.0")]
    version: String,
    /// When it started.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    started_at: Timestamp,
    /// When it reported last. A node that runs reports once a minute.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T09:30:00Z")]
    last_seen_at: Timestamp,
}

impl From<Node> for NodeView {
    fn from(node: Node) -> Self {
        Self {
            name: node.name,
            version: node.version,
            started_at: node.started_at,
            last_seen_at: node.seen_at,
        }
    }
}

/// Lists the nodes that have reported within the last hour. One that stops deletes its record; one that was killed stays for
/// an hour. Functions of AWS Lambda are not listed.
#[utoipa::path(get, path = "/node", tag = "Admin",
    responses((status = 200, description = "The nodes", body = NodeListView)))]
pub(crate) async fn list_nodes(caller: Caller) -> Result<Response, Problem> {
    let nodes = caller.doorward().nodes.list(&caller.ctx).await?;
    let list = NodeListView {
        items: nodes.into_iter().map(NodeView::from).collect(),
    };
    Ok(Json(list).into_response())
}
