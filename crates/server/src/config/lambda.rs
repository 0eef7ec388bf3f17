//! The configuration of a function of AWS Lambda.
//!
//! A function is frozen between requests and has no disk. So a setting that needs a listener, a background task or a
//! file to write is an error here, which names the alternative.

use std::collections::BTreeMap;

use doorward_domain::values::Secret;
use doorward_mail::{TransportSettings, parse_transport};

use super::sources::{LoadedConfig, environment};

/// The variable that Lambda sets for the program of a function.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";
/// The variable with the name of the parameter that contains the secrets.
const SECRETS_VARIABLE: &str = "SECRETS_PARAMETER";

/// Settings that a function does not have: the key, and what to do instead.
const REFUSED: &[(&str, &str)] = &[
    ("listen", "API Gateway sends the requests. Remove it"),
    (
        "tls.certificate",
        "API Gateway terminates TLS. Remove it, and give API Gateway a custom domain",
    ),
    ("tls.key", "API Gateway terminates TLS. Remove it"),
    ("tls.development", "API Gateway terminates TLS. Remove it"),
    (
        "shutdown.drain_seconds",
        "a function is stopped between requests. Remove it",
    ),
    (
        "limits.connections",
        "API Gateway has the connections. Limit its requests with `RequestsPerSecond` of deploy/aws/template.yaml",
    ),
    (
        "limits.connections_per_address",
        "API Gateway has the connections. Remove it",
    ),
    ("data_dir", "a function has no disk. Remove it"),
    (
        "redis.url",
        "sessions and rate limits are in the DynamoDB table. Remove it",
    ),
    (
        "redis.prefix",
        "sessions and rate limits are in the DynamoDB table. Remove it",
    ),
    (
        "admin.password",
        "a function creates no admin at its start. Run `doorward user create --role admin` on your machine",
    ),
    (
        "admin.email",
        "a function creates no admin at its start. Run `doorward user create --role admin` on your machine",
    ),
    (
        "metrics.listen",
        "a function has no listener. Use the metrics of Lambda, API Gateway and DynamoDB in CloudWatch",
    ),
    (
        "traces.endpoint",
        "spans are sent by a background task. Run `doorward serve` for traces",
    ),
    (
        "traces.url",
        "spans are sent by a background task. Run `doorward serve` for traces",
    ),
    (
        "traces.headers",
        "spans are sent by a background task. Run `doorward serve` for traces",
    ),
    (
        "traces.sample_ratio",
        "spans are sent by a background task. Run `doorward serve` for traces",
    ),
];

/// What Lambda tells the program of a function.
#[derive(Debug)]
pub struct LambdaEnvironment {
    /// The handler of the function, which chooses what it does.
    pub handler: String,
    /// Name of the parameter with the secrets; `None` if they are in the environment.
    pub secrets_parameter: Option<String>,
    /// Region.
    pub region: String,
    /// Access key id, secret access key and session token of the function's role.
    pub credentials: [Secret<String>; 3],
    /// Endpoint for requests to the parameter store, if it is not that of AWS.
    pub endpoint: Option<String>,
}

impl LambdaEnvironment {
    /// Reads it. `None` if Lambda has not started this program.
    pub fn read() -> Option<Self> {
        let variables: BTreeMap<_, _> = environment().collect();
        let find = |name: &str| {
            let value = variables.get(name);
            value.filter(|value| !value.is_empty()).cloned()
        };
        find(RUNTIME_API)?;
        let credential = |name| Secret::new(find(name).unwrap_or_default());
        Some(Self {
            handler: find("_HANDLER").unwrap_or_default(),
            secrets_parameter: find(SECRETS_VARIABLE),
            region: find("AWS_REGION").unwrap_or_default(),
            credentials: [
                credential("AWS_ACCESS_KEY_ID"),
                credential("AWS_SECRET_ACCESS_KEY"),
                credential("AWS_SESSION_TOKEN"),
            ],
            endpoint: find("AWS_ENDPOINT_URL_SSM").or_else(|| find("AWS_ENDPOINT_URL")),
        })
    }
}

/// Returns why a function cannot have this configuration. The last sentence of each error is what to change.
pub(super) fn errors(loaded: &LoadedConfig) -> Vec<String> {
    let config = &loaded.config;
    let set = REFUSED
        .iter()
        .filter_map(|(key, alternative)| Some((key, alternative, loaded.origins.get(key)?)));
    let mut errors: Vec<String> = set
        .map(|(key, alternative, origin)| {
            format!("`{key}` is set ({origin}), but this is a Lambda function: {alternative}")
        })
        .collect();
    if !config.database_url().starts_with("dynamodb:") {
        errors.push("`database.url` (DATABASE_URL) is not a DynamoDB table, which a Lambda function needs. Set it to dynamodb://REGION/TABLE, or run `doorward serve` on ECS or EC2 with another database".to_owned());
    }
    if config.public_url.is_none() {
        errors.push("`public_url` (DOORWARD_PUBLIC_URL) is not set. Set it to the address that users see, such as https://accounts.example.com".to_owned());
    }
    if config.master_key.is_none() {
        errors.push(format!("`keys.master_key` (JWT_SECRET_KEY) is not set, and a Lambda function has no disk for a generated one. Generate it with `openssl rand -base64 48`, and put it into the parameter that {SECRETS_VARIABLE} names"));
    }
    if let Ok(TransportSettings::Inbox | TransportSettings::Folder(_)) =
        parse_transport(&config.mail_url())
    {
        errors.push("mails would stay in the function, which has no disk. Set `mail.url` (SMTP_URL) to a mail server, such as that of Amazon SES".to_owned());
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Setting};
    use super::*;

    const FINE: [(&str, &str); 4] = [
        ("database.url", "dynamodb://eu-central-1/doorward"),
        ("public_url", "https://accounts.example.com"),
        ("mail.url", "smtp://mail.example.com"),
        ("keys.master_key", "hV9x-2mKq_7rLw4TzB8nYcEe6sJd3GuP"),
    ];

    fn errors_with(more: &[(&str, &str)]) -> Vec<String> {
        let mut config = Config::default();
        let mut origins = BTreeMap::new();
        for (key, value) in FINE.iter().chain(more) {
            let setting = Setting::find(key).unwrap();
            (setting.set)(&mut config, value).unwrap();
            origins.insert(setting.key, "the test".to_owned());
        }
        errors(&LoadedConfig::of(config, origins))
    }

    #[test]
    fn a_function_refuses_what_needs_a_disk_a_listener_or_a_background_task() {
        assert_eq!(errors_with(&[]), [] as [String; 0]);
        for (key, value, expected) in [
            ("listen", "127.0.0.1:9000", "API Gateway"),
            ("tls.development", "true", "terminates TLS"),
            ("data_dir", "data", "no disk"),
            ("redis.url", "redis://127.0.0.1", "in the DynamoDB table"),
            ("metrics.listen", "127.0.0.1:9464", "CloudWatch"),
            ("traces.endpoint", "http://localhost:4318", "doorward serve"),
            ("admin.password", "a long password", "doorward user create"),
            ("database.url", "sqlite:doorward.db", "ECS or EC2"),
            ("database.url", "postgres://db/doorward", "ECS or EC2"),
            ("mail.url", "inbox:", "Amazon SES"),
            ("mail.url", "folder:mails", "Amazon SES"),
        ] {
            let errors = errors_with(&[(key, value)]);
            assert_eq!(errors.len(), 1, "{key}: {errors:?}");
            assert!(errors[0].contains(expected), "{key}: {errors:?}");
            assert!(!errors[0].contains("a long password"), "{errors:?}");
        }
    }

    #[test]
    fn a_function_names_what_it_lacks() {
        let errors = errors(&LoadedConfig::of(Config::default(), BTreeMap::new()));
        let named = [
            "DATABASE_URL",
            "DOORWARD_PUBLIC_URL",
            "JWT_SECRET_KEY",
            "SMTP_URL",
        ];
        assert_eq!(errors.len(), named.len());
        for (error, name) in errors.iter().zip(named) {
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn every_refused_key_is_a_setting() {
        for (key, _) in REFUSED {
            assert!(Setting::find(key).is_some(), "{key}");
        }
    }
}
