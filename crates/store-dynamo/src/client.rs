//! Requests to DynamoDB: retries, time limits, and what an error means.
//!
//! The SDK's own retries are off, since they do not cover cancelled transactions. An operation ends within [`LIMIT`].

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use doorward_domain::error::chain;
use doorward_domain::store::{ApplyError, StoreError};
use tokio::time::{Instant, sleep};

use crate::item::{Item, key_of};
use crate::layout::Place;
use crate::operation::Operation;
use crate::url::DynamoUrl;

/// The time limit of an operation with all its attempts.
pub(crate) const LIMIT: Duration = Duration::from_secs(8);
/// The time limit of one attempt.
const ATTEMPT: Duration = Duration::from_secs(3);
/// The time limit for connecting.
const CONNECT: Duration = Duration::from_secs(1);
/// The longest wait before the second attempt. It doubles with each attempt.
const FIRST_WAIT: Duration = Duration::from_millis(20);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// While DynamoDB is known to be down, operations fail at once, and one tries again after this time.
const PAUSE: Duration = Duration::from_secs(1);
/// Maximum number of keys in a request.
const KEYS: usize = 100;
/// Maximum number of operations in a transaction.
pub(crate) const OPERATIONS: usize = 100;
/// Maximum size of a transaction: below the 4 MB of DynamoDB, by what its expressions may need.
const TRANSACTION_BYTES: usize = 3_500_000;

/// The table.
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) table: String,
    /// When the next operation may try whether DynamoDB responds again.
    down_until: Mutex<Option<Instant>>,
}

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A condition does not hold.
    Refused,
    /// Nothing was done, and a later attempt may succeed.
    Busy(String),
    /// No connection.
    NotSent(String),
    /// It may have been done.
    NoAnswer(String),
    /// A later attempt would fail as well.
    Permanent(String),
}

impl Connection {
    /// Sends nothing yet.
    pub(crate) async fn open(url: &DynamoUrl) -> Self {
        let provider = Provider::Rustls(CryptoMode::Ring);
        let http = aws_smithy_http_client::Builder::new();
        let http = match url.endpoint {
            // Without reading the system's certificates.
            Some(_) => http.build_http(),
            None => http.tls_provider(provider).build_https(),
        };
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(url.region.clone()))
            .http_client(http)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        if let Some(endpoint) = &url.endpoint {
            loader = loader
                .endpoint_url(endpoint)
                .credentials_provider(of_emulator());
        }
        Self {
            client: Client::new(&loader.load().await),
            table: url.table.clone(),
            down_until: Mutex::new(None),
        }
    }

    /// Sends a request until it succeeds, cannot succeed, or its time is over. `None` if a condition does not hold.
    pub(crate) async fn request<T, F>(
        &self,
        operation: &str,
        limit: Duration,
        attempt: impl Fn() -> F,
    ) -> Result<Option<T>, StoreError>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let deadline = Instant::now() + self.patience(operation, limit)?;
        let mut is_unknown = false;
        let mut backoff = Backoff::default();
        loop {
            let outcome = attempt().await;
            let is_down = matches!(outcome, Err(Fault::NotSent(_) | Fault::NoAnswer(_)));
            is_unknown |= matches!(outcome, Err(Fault::NoAnswer(_)));
            if !is_down {
                self.set_down(None);
            }
            let cause = match outcome {
                Ok(answer) => return Ok(Some(answer)),
                Err(Fault::Refused) => return Ok(None),
                Err(Fault::Permanent(cause)) => return Err(error(operation, cause, is_unknown)),
                Err(Fault::Busy(cause) | Fault::NotSent(cause) | Fault::NoAnswer(cause)) => cause,
            };
            if !backoff.wait(deadline).await {
                if is_down {
                    self.set_down(Some(Instant::now() + PAUSE));
                }
                return Err(error(operation, cause, is_unknown));
            }
        }
    }

    /// Like [`request`](Self::request), for a read.
    pub(crate) async fn read<T, F>(
        &self,
        operation: &str,
        attempt: impl Fn() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        match self.request(operation, LIMIT, attempt).await {
            Ok(answer) => answer.ok_or_else(|| error(operation, "refused".into(), false)),
            Err(error) => Err(StoreError {
                is_outcome_unknown: false,
                ..error
            }),
        }
    }

    /// Applies all operations, or none: returns `false` if a condition does not hold. Has a token: if it was applied and its
    /// response was lost, sending it again succeeds and changes nothing.
    pub(crate) async fn transact(&self, operations: &[Operation]) -> Result<bool, ApplyError> {
        let size: usize = operations.iter().map(Operation::size).sum();
        if operations.len() > OPERATIONS || size > TRANSACTION_BYTES {
            return Err(ApplyError::TooLarge);
        }
        let items = operations.iter().map(|one| one.build(&self.table));
        let items: Result<Vec<_>, _> = items.collect();
        let items = items.map_err(|cause| StoreError::new("apply", cause))?;
        let token = format!("{:016x}{:016x}", random(), random());
        let attempt = || {
            let request = self.client.transact_write_items();
            let request = request.set_transact_items(Some(items.clone()));
            let sent = request.client_request_token(&token).send();
            async { sent.await.map(drop).map_err(|fault| of_transaction(&fault)) }
        };
        Ok(self.request("apply", LIMIT, attempt).await?.is_some())
    }

    /// Applies one operation. Returns `false` if its conditions do not hold. It may be applied twice, so that applying it again
    /// must change nothing.
    pub(crate) async fn write(
        &self,
        operation: &str,
        write: &Operation,
    ) -> Result<bool, StoreError> {
        let sent = self.request(operation, LIMIT, || write.send(self)).await?;
        Ok(sent.is_some())
    }

    /// Reads items with their latest values, in any order. Those that do not exist are omitted.
    pub(crate) async fn get(
        &self,
        operation: &str,
        mut places: Vec<Place>,
    ) -> Result<Vec<Item>, StoreError> {
        places.sort_unstable();
        places.dedup();
        let mut found = Vec::with_capacity(places.len());
        let deadline = Instant::now() + LIMIT;
        for places in places.chunks(KEYS) {
            let mut keys: Vec<Item> = places.iter().map(key_of).collect();
            let mut backoff = Backoff::default();
            loop {
                let wanted = KeysAndAttributes::builder().set_keys(Some(keys));
                let wanted = wanted.consistent_read(true).build();
                let wanted = wanted.map_err(|cause| StoreError::new("read", cause))?;
                let attempt = || {
                    let request = self.client.batch_get_item();
                    let request = request.request_items(&self.table, wanted.clone());
                    answer(request.send())
                };
                let answer = self.read(operation, attempt).await?;
                let mut responses = answer.responses.unwrap_or_default();
                found.extend(responses.remove(&self.table).unwrap_or_default());
                let rest = answer.unprocessed_keys.unwrap_or_default();
                match rest.into_values().next() {
                    None => break,
                    Some(rest) => keys = rest.keys,
                }
                if !backoff.wait(deadline).await {
                    return Err(error(operation, "unprocessed keys".into(), false));
                }
            }
        }
        Ok(found)
    }

    /// The time that an operation has: one attempt if DynamoDB was down a moment ago. Fails while it is known to be.
    fn patience(&self, operation: &str, limit: Duration) -> Result<Duration, StoreError> {
        let down_until = *self.down();
        match down_until {
            None => Ok(limit),
            Some(until) if until <= Instant::now() => Ok(Duration::ZERO),
            Some(_) => Err(error(operation, "DynamoDB does not respond".into(), false)),
        }
    }

    fn set_down(&self, until: Option<Instant>) {
        *self.down() = until;
    }

    fn down(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.down_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// An emulator checks no credentials, or those of the environment.
fn of_emulator() -> CredentialsProviderChain {
    let none = Credentials::new("emulator", "emulator", None, None, "emulator");
    let chain = CredentialsProviderChain::first_try(
        "environment",
        EnvironmentVariableCredentialsProvider::new(),
    );
    chain.or_else("emulator", none)
}

fn error(operation: &str, cause: String, is_outcome_unknown: bool) -> StoreError {
    StoreError {
        is_outcome_unknown,
        ..StoreError::new(operation.to_owned(), cause)
    }
}

/// Waits between attempts, each for a random time ("full jitter").
#[derive(Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// Waits. Returns `false` at once if that would be after the deadline.
    pub(crate) async fn wait(&mut self, deadline: Instant) -> bool {
        let most = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(self.attempts));
        self.attempts += 1;
        let most = most.min(LONGEST_WAIT).as_micros() as u64;
        let wait = Duration::from_micros(random() % most.max(1));
        if Instant::now() + wait >= deadline {
            return false;
        }
        sleep(wait).await;
        true
    }
}

/// A number that is unlikely to be drawn twice.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(())
}

/// A new revision of a row.
pub(crate) fn new_revision() -> AttributeValue {
    AttributeValue::N(random().to_string())
}

/// The answer to a request.
pub(crate) async fn answer<T, E>(
    sent: impl Future<Output = Result<T, SdkError<E>>>,
) -> Result<T, Fault>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    sent.await.map_err(|error| fault_of(&error))
}

/// What an error of a transaction means.
fn of_transaction(error: &SdkError<TransactWriteItemsError>) -> Fault {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
        error.as_service_error()
    else {
        return fault_of(error);
    };
    let codes = cancelled.cancellation_reasons();
    let codes: Vec<&str> = codes.iter().filter_map(|reason| reason.code()).collect();
    let cause = format!("transaction cancelled: {}", codes.join(", "));
    if codes.contains(&"ConditionalCheckFailed") {
        return Fault::Refused;
    }
    match codes.iter().any(|code| is_busy(code)) {
        true => Fault::Busy(cause),
        false => Fault::Permanent(cause),
    }
}

/// What an error means. Its text contains no value of an item.
pub(crate) fn fault_of<E>(error: &SdkError<E>) -> Fault
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or("unknown error");
            let message = answer.err().message().unwrap_or_default();
            let cause = format!("{code}: {message}{}", hint(code, message));
            match answer.raw().status().as_u16() {
                _ if code == "ConditionalCheckFailedException" => Fault::Refused,
                _ if is_busy(code) => Fault::Busy(cause),
                500.. => Fault::NoAnswer(cause),
                _ => Fault::Permanent(cause),
            }
        }
        SdkError::ConstructionFailure(_) => Fault::Permanent(chain(error)),
        SdkError::DispatchFailure(_) if is_never_connected(error) => Fault::NotSent(chain(error)),
        _ => Fault::NoAnswer(chain(error)),
    }
}

/// DynamoDB refuses requests whose signature is more than five minutes off.
fn hint(code: &str, message: &str) -> &'static str {
    let is_signature = code == "InvalidSignatureException" || code == "RequestExpired";
    match is_signature && message.contains("ignature") && message.contains("now") {
        true => ". The clock of this machine is wrong: synchronise it by NTP",
        false => "",
    }
}

/// Errors after which nothing was done.
fn is_busy(code: &str) -> bool {
    const BUSY: [&str; 11] = [
        // A new table has no backups in its first seconds, and one change of its indexes at a time.
        "ContinuousBackupsUnavailableException",
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
        "ReplicatedWriteConflictException",
    ];
    BUSY.contains(&code)
}

fn is_never_connected(failure: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(failure);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>()
            && error.kind() == std::io::ErrorKind::ConnectionRefused
        {
            return true;
        }
        cause = error.source();
    }
    false
}
