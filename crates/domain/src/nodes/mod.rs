//! Nodes: the servers that run, or ran within the last hour.
//!
//! Each node reports once a minute, and deletes its record when it stops. Nothing depends on the list: it shows an admin an
//! upgrade that is under way, and a node that was killed.

use std::sync::Arc;

use crate::access::{Access, Action};
use crate::clock::Clock;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::Node;
use crate::store::{ReadStore, Records, Write};
use crate::writer::Writer;

/// Writes and lists nodes.
pub struct Nodes {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) access: Arc<Access>,
    pub(crate) writer: Arc<Writer>,
}

impl Nodes {
    /// Records that this node runs now.
    pub async fn report(&self, node: &Node) -> Result<(), Error> {
        let node = Node {
            seen_at: self.clock.now(),
            ..node.clone()
        };
        Ok(self.writer.apply(vec![Write::put(&node)]).await?)
    }

    /// Deletes the record of this node, which stops.
    pub async fn remove(&self, node: &Node) -> Result<(), Error> {
        let delete = Write::delete::<Node>(node.key());
        Ok(self.writer.apply(vec![delete]).await?)
    }

    /// Returns the nodes that have reported within the last hour, by name and start. They are not about a user, so that this
    /// is not an audit event.
    #[tracing::instrument(name = "list_nodes", level = "trace", skip_all)]
    pub async fn list(&self, ctx: &Ctx) -> Result<Vec<Node>, Error> {
        self.access.authorize(ctx, Action::ViewNodes).await?;
        let listed = Node::listed(ctx.now);
        let mut nodes: Vec<Node> = self.store.list_readable(listed).await?;
        nodes.sort_by(|a, b| (&a.name, a.started_at).cmp(&(&b.name, b.started_at)));
        Ok(nodes)
    }
}
