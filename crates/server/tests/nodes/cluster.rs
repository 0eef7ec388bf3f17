//! `Cluster`: nodes on one database with common settings.

use doorward_testkit::servers;

use crate::mail_server::{MailServer, ReceivedMail};
use crate::node::{Node, NodeConfig};
use crate::node_client::NodeClient;

/// The admin's password.
pub const ADMIN_PASSWORD: &str = "a lamp, a boat and the sea";
/// Public URL of the cluster. No server listens there.
pub const PUBLIC_URL: &str = "http://localhost:8000";
const MASTER_KEY: &str = "kV3-qFz8_mLw29TtRb7uYxNe5sHd1GjP";

/// Stores of the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    Postgres,
    PostgresRedis,
    MariaDb,
    #[cfg(feature = "aws")]
    DynamoDb,
}

impl StoreKind {
    /// Settings of a node, with new stores.
    pub async fn recipe(self) -> NodeConfig {
        let recipe = NodeConfig::new()
            .with("DOORWARD_PUBLIC_URL", PUBLIC_URL)
            .with("DOORWARD_DATABASE__MAX_CONNECTIONS", "6")
            .with("DOORWARD_THROTTLE__ENABLED", "false")
            .with("ADMIN_PASSWORD", ADMIN_PASSWORD)
            .with("JWT_SECRET_KEY", MASTER_KEY);
        match self {
            Self::Postgres => recipe.with("DATABASE_URL", &servers::postgres().await),
            Self::MariaDb => recipe.with("DATABASE_URL", &servers::mariadb().await),
            #[cfg(feature = "aws")]
            Self::DynamoDb => recipe.with("DATABASE_URL", &servers::dynamodb().await),
            Self::PostgresRedis => {
                let redis = servers::redis().await;
                recipe
                    .with("DATABASE_URL", &servers::postgres().await)
                    .with("REDIS_URL", &redis.url)
                    .with("DOORWARD_REDIS__PREFIX", &redis.prefix)
            }
        }
    }
}

/// Three nodes, each with its own mail server, which shows the node that sent a mail.
pub struct Cluster {
    pub nodes: [Node; 3],
    pub mail: [MailServer; 3],
}

impl Cluster {
    pub async fn start(store: StoreKind) -> Self {
        Self::start_with(store, |recipe, _| recipe).await
    }

    /// Starts the nodes, each with the settings that `choose` makes of the common ones.
    pub async fn start_with(
        store: StoreKind,
        choose: impl Fn(NodeConfig, usize) -> NodeConfig,
    ) -> Self {
        let recipe = store.recipe().await;
        let mail = [
            MailServer::open().await,
            MailServer::open().await,
            MailServer::open().await,
        ];
        let node = |number: usize| {
            let recipe = recipe.clone().with("SMTP_URL", &mail[number].url());
            Node::new(choose(recipe, number))
        };
        let mut nodes = [node(0), node(1), node(2)];
        for node in &mut nodes {
            node.launch();
        }
        for node in &mut nodes {
            node.ready().await;
        }
        Self { nodes, mail }
    }

    /// Clients of the nodes, in order.
    pub fn clients(&self) -> [NodeClient; 3] {
        [0, 1, 2].map(|number| self.nodes[number].client)
    }

    /// Client of a node; numbers wrap around.
    pub fn client(&self, number: usize) -> NodeClient {
        self.nodes[number % 3].client
    }

    /// All mails of all nodes.
    pub fn mails(&self) -> Vec<ReceivedMail> {
        self.mail.iter().flat_map(MailServer::mails).collect()
    }

    /// The recipients of all mails that start with `prefix`, sorted.
    pub fn mailboxes(&self, prefix: &str) -> Vec<String> {
        let mut all: Vec<_> = self.mails().into_iter().map(|mail| mail.to).collect();
        all.retain(|to| to.starts_with(prefix));
        all.sort_unstable();
        all
    }

    /// The links under this path in mails to the mailbox.
    pub fn links_to(&self, mailbox: &str, under: &str) -> Vec<String> {
        let mails = self.mails().into_iter();
        mails.filter_map(|mail| mail.link(mailbox, under)).collect()
    }

    /// The link in the first of these mails, once it has arrived.
    pub async fn link_to(&self, mailbox: &str, under: &str) -> String {
        crate::eventually("the mail arrives", async || {
            self.links_to(mailbox, under).into_iter().next()
        })
        .await
    }

    /// Signs the first admin in and returns the token.
    pub async fn admin(&self) -> String {
        self.client(0).token("admin", ADMIN_PASSWORD).await
    }
}
