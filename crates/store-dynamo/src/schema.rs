//! The table: its keys and indexes, which follow from the declarations of the tables in the domain.

use std::time::Duration;

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexUpdate, IndexStatus, KeySchemaElement, KeyType,
    PointInTimeRecoverySpecification, PointInTimeRecoveryStatus, Projection, ProjectionType,
    ScalarAttributeType, TableDescription, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};
use doorward_domain::diagnostics::MigrationStatus;
use doorward_domain::error::chain;
use doorward_domain::model::TABLES;
use doorward_domain::store::StoreError;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use crate::client::{Connection, Fault, answer, fault_of};
use crate::entries;
use crate::item::TTL;
use crate::layout::{Index, PARTITION, SORT};
use crate::url::DynamoSettings;

/// How long a step may take.
const READY_WITHIN: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(200);

/// Why the table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// DynamoDB did not respond, or refused.
    #[error("DynamoDB cannot be used")]
    Request(#[from] StoreError),
    /// There is no table, and migrations are off.
    #[error("the table {0} does not exist: run `doorward migrate`, or deploy the template")]
    NoTable(String),
    /// A step is pending, and migrations are off.
    #[error("the table lacks {0}: run `doorward migrate`")]
    Pending(String),
    /// A step is not done in time.
    #[error("the {0} is not active yet; `doorward migrate status` lists it once it is")]
    NotReady(String),
}

/// The steps in their order, by which `status` numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Table,
    TimeToLive,
    Recovery,
    Index(usize),
    /// Entries of rows that were written before their index was declared.
    Entries,
}

impl Step {
    fn all() -> impl Iterator<Item = Self> {
        let first = [Self::Table, Self::TimeToLive, Self::Recovery];
        let indexes = (0..slots()).map(Self::Index);
        first.into_iter().chain(indexes).chain([Self::Entries])
    }

    fn name(self) -> String {
        match self {
            Self::Table => "table".into(),
            Self::TimeToLive => "time to live".into(),
            Self::Recovery => "point-in-time recovery".into(),
            Self::Index(slot) => Index::name(slot),
            Self::Entries => "index entries".into(),
        }
    }
}

/// Number of indexes: that of the table with the most.
fn slots() -> usize {
    let counts = TABLES.iter().map(|table| table.indexes.len());
    counts.max().unwrap_or_default()
}

/// Creates what is missing. Returns the steps that were made.
pub async fn migrate(settings: &DynamoSettings) -> Result<Vec<MigrationStatus>, OpenError> {
    migrate_table(&Connection::open(&settings.url).await).await
}

/// Returns all steps. Creates nothing.
pub async fn status(settings: &DynamoSettings) -> Result<Vec<MigrationStatus>, OpenError> {
    let connection = Connection::open(&settings.url).await;
    let mut all = Vec::new();
    for (number, step) in (1..).zip(Step::all()) {
        let is_made = is_made(&connection, step).await?;
        all.push(step_status(&connection, (number, step), is_made).await?);
    }
    Ok(all)
}

pub(crate) async fn migrate_table(
    connection: &Connection,
) -> Result<Vec<MigrationStatus>, OpenError> {
    let mut made = Vec::new();
    for (number, step) in (1..).zip(Step::all()) {
        if is_made(connection, step).await? {
            continue;
        }
        if step == Step::Entries {
            entries::complete(connection).await?;
        } else {
            let create = || make(connection, step);
            connection
                .request("create the table", READY_WITHIN, create)
                .await?;
        }
        // An index of a large table takes hours, in which the server serves.
        let is_awaited = !matches!(step, Step::Index(_));
        let deadline = Instant::now() + READY_WITHIN;
        while is_awaited && !is_made(connection, step).await? {
            if Instant::now() > deadline {
                return Err(OpenError::NotReady(step.name()));
            }
            sleep(POLL).await;
        }
        let is_made = is_made(connection, step).await?;
        made.push(step_status(connection, (number, step), is_made).await?);
    }
    Ok(made)
}

/// The time of a step is that of the table: DynamoDB tells no other.
async fn step_status(
    connection: &Connection,
    (version, step): (i64, Step),
    is_made: bool,
) -> Result<MigrationStatus, StoreError> {
    let table = describe(connection).await?.filter(|_| is_made);
    let created_at = table.and_then(|table| table.creation_date_time);
    Ok(MigrationStatus {
        version,
        name: step.name(),
        compatible_with: 1,
        applied_at: created_at.and_then(|at| Timestamp::from_second(at.secs()).ok()),
    })
}

/// Fails if the table or an index is missing. Others of its settings do not prevent a start, nor does an index that is being
/// built: only its queries fail until then.
pub(crate) async fn check(connection: &Connection) -> Result<(), OpenError> {
    let table = describe(connection).await?;
    let table = table.ok_or_else(|| OpenError::NoTable(connection.table.clone()))?;
    let is_missing = |slot: &usize| index_status(&table, *slot).is_none();
    if let Some(slot) = (0..slots()).find(is_missing) {
        return Err(OpenError::Pending(Step::Index(slot).name()));
    }
    match entries::incomplete(connection).await?.is_empty() {
        true => Ok(()),
        false => Err(OpenError::Pending(Step::Entries.name())),
    }
}

async fn describe(connection: &Connection) -> Result<Option<TableDescription>, StoreError> {
    let attempt = || {
        let request = connection.client.describe_table();
        let sent = request.table_name(&connection.table).send();
        async {
            match sent.await {
                Ok(answer) => Ok(answer.table),
                Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(None),
                Err(error) => Err(fault_of(&error)),
            }
        }
    };
    connection.read("describe the table", attempt).await
}

async fn is_made(connection: &Connection, step: Step) -> Result<bool, StoreError> {
    let table = describe(connection).await?;
    match (step, table) {
        (_, None) => Ok(false),
        (Step::Table, Some(table)) => Ok(table.table_status == Some(TableStatus::Active)),
        (Step::TimeToLive, _) => has_time_to_live(connection).await,
        (Step::Recovery, _) => has_recovery(connection).await,
        (Step::Index(slot), Some(table)) => Ok(has_index(&table, slot)),
        (Step::Entries, Some(_)) => Ok(entries::incomplete(connection).await?.is_empty()),
    }
}

fn has_index(table: &TableDescription, slot: usize) -> bool {
    index_status(table, slot) == Some(&IndexStatus::Active)
}

fn index_status(table: &TableDescription, slot: usize) -> Option<&IndexStatus> {
    let name = Index::name(slot);
    let mut indexes = table.global_secondary_indexes().iter();
    let index = indexes.find(|index| index.index_name() == Some(&name))?;
    index.index_status()
}

pub(crate) async fn has_time_to_live(connection: &Connection) -> Result<bool, StoreError> {
    let attempt = || {
        let request = connection.client.describe_time_to_live();
        answer(request.table_name(&connection.table).send())
    };
    let setting = connection.read("read the time to live", attempt).await?;
    let setting = setting.time_to_live_description;
    let status = setting.and_then(|setting| setting.time_to_live_status);
    Ok(matches!(
        status,
        Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
    ))
}

pub(crate) async fn has_recovery(connection: &Connection) -> Result<bool, StoreError> {
    let attempt = || {
        let request = connection.client.describe_continuous_backups();
        answer(request.table_name(&connection.table).send())
    };
    let backups = connection.read("read the backups", attempt).await?;
    let backups = backups.continuous_backups_description;
    let recovery = backups.and_then(|backups| backups.point_in_time_recovery_description);
    let status = recovery.and_then(|recovery| recovery.point_in_time_recovery_status);
    Ok(status == Some(PointInTimeRecoveryStatus::Enabled))
}

async fn make(connection: &Connection, step: Step) -> Result<(), Fault> {
    let (client, table) = (&connection.client, &connection.table);
    match step {
        Step::Entries => Ok(()),
        Step::Table => create(connection).await,
        Step::TimeToLive => {
            let setting = TimeToLiveSpecification::builder().enabled(true);
            let setting = setting.attribute_name(TTL).build().map_err(invalid)?;
            let request = client.update_time_to_live().table_name(table);
            let request = request.time_to_live_specification(setting);
            answer(request.send()).await.map(drop)
        }
        Step::Recovery => {
            let setting = PointInTimeRecoverySpecification::builder();
            let setting = setting.point_in_time_recovery_enabled(true).build();
            let request = client.update_continuous_backups().table_name(table);
            let request = request.point_in_time_recovery_specification(setting.map_err(invalid)?);
            answer(request.send()).await.map(drop)
        }
        // Another process has begun.
        Step::Index(slot) if is_begun(connection, slot).await? => Ok(()),
        Step::Index(slot) => {
            let action = CreateGlobalSecondaryIndexAction::builder()
                .index_name(Index::name(slot))
                .set_key_schema(Some(key_schema(Index::keys(slot))?))
                .projection(keys_only());
            let update = GlobalSecondaryIndexUpdate::builder();
            let update = update.create(action.build().map_err(invalid)?).build();
            let request = client.update_table().table_name(table);
            let request = request
                .set_attribute_definitions(Some(attributes(Index::keys(slot))?))
                .global_secondary_index_updates(update);
            answer(request.send()).await.map(drop)
        }
    }
}

async fn is_begun(connection: &Connection, slot: usize) -> Result<bool, Fault> {
    let table = describe(connection).await;
    let table = table.map_err(|error| Fault::Permanent(chain(&error)))?;
    Ok(table.is_some_and(|table| index_status(&table, slot).is_some()))
}

/// Creates the table with all indexes. Succeeds if another process creates it at the same time.
async fn create(connection: &Connection) -> Result<(), Fault> {
    let keys = [PARTITION, SORT].map(str::to_owned);
    let request = connection.client.create_table();
    let mut request = request
        .table_name(&connection.table)
        .billing_mode(BillingMode::PayPerRequest)
        .deletion_protection_enabled(true)
        .set_key_schema(Some(key_schema(keys.clone())?));
    let mut all = attributes(keys)?;
    for slot in 0..slots() {
        let index = GlobalSecondaryIndex::builder()
            .index_name(Index::name(slot))
            .set_key_schema(Some(key_schema(Index::keys(slot))?))
            .projection(keys_only());
        request = request.global_secondary_indexes(index.build().map_err(invalid)?);
        all.extend(attributes(Index::keys(slot))?);
    }
    match request.set_attribute_definitions(Some(all)).send().await {
        Ok(_) => Ok(()),
        Err(error) if code(&error) == Some("ResourceInUseException") => Ok(()),
        Err(error) => Err(fault_of(&error)),
    }
}

fn key_schema(names: [String; 2]) -> Result<Vec<KeySchemaElement>, Fault> {
    let kinds = names.into_iter().zip([KeyType::Hash, KeyType::Range]);
    let element = |(name, kind)| {
        let element = KeySchemaElement::builder().attribute_name(name);
        element.key_type(kind).build().map_err(invalid)
    };
    kinds.map(element).collect()
}

fn attributes(names: [String; 2]) -> Result<Vec<AttributeDefinition>, Fault> {
    let kinds = [ScalarAttributeType::S, ScalarAttributeType::B];
    let definition = |(name, kind)| {
        let definition = AttributeDefinition::builder().attribute_name(name);
        definition.attribute_type(kind).build().map_err(invalid)
    };
    names.into_iter().zip(kinds).map(definition).collect()
}

fn keys_only() -> Projection {
    Projection::builder()
        .projection_type(ProjectionType::KeysOnly)
        .build()
}

fn code<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Option<&str> {
    error.as_service_error()?.code()
}

fn invalid(error: BuildError) -> Fault {
    Fault::Permanent(error.to_string())
}
