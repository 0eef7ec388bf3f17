//! The template of AWS: it has the table that `doorward migrate` creates, and what the functions need. Nothing here runs on
//! AWS.

use std::collections::BTreeSet;
use std::process::Command;

use doorward_testkit::servers;
use serde_json::{Value, json};

use crate::files::{binary, read, succeed, tool};

pub const TEMPLATE: &str = "deploy/aws/template.yaml";

/// Prints the template as JSON, with `!Ref X` as `{"!Ref": "X"}`.
const LOAD: &str = "\
import json, sys, yaml
class Loader(yaml.SafeLoader): pass
def short_form(loader, tag, node):
    kinds = {yaml.ScalarNode: loader.construct_scalar, yaml.SequenceNode: lambda node: loader.construct_sequence(node, True)}
    return {'!' + tag: kinds[type(node)](node)}
Loader.add_multi_constructor('!', short_form)
print(json.dumps(yaml.load(open(sys.argv[1]), Loader)))
";

/// Prints the description of a table, and the attribute of its time to live.
const DESCRIBE: &str = "\
import json, sys, botocore.session
endpoint, table = sys.argv[1:]
client = botocore.session.get_session().create_client('dynamodb', region_name='local', endpoint_url=endpoint, aws_access_key_id='x', aws_secret_access_key='x')
described = client.describe_table(TableName=table)['Table']
described['TimeToLive'] = client.describe_time_to_live(TableName=table)['TimeToLiveDescription'].get('AttributeName')
print(json.dumps(described, default=str))
";

fn template() -> Value {
    let output = succeed(tool("python").args(["-c", LOAD, TEMPLATE]));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Creates a table with the binary, and describes it.
fn migrated() -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let url = runtime.unwrap().block_on(servers::dynamodb());
    let folder = tempfile::tempdir().unwrap();
    let mut migrate = Command::new(binary());
    migrate.arg("migrate").env_clear().env("DATABASE_URL", &url);
    succeed(migrate.current_dir(folder.path()));
    let (table, endpoint) = url.split_once("?endpoint=").unwrap();
    let (_, table) = table.rsplit_once('/').unwrap();
    let output = succeed(tool("python").args(["-c", DESCRIBE, endpoint, table]));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The values of these fields of each object of a list, in any order.
fn rows(list: &Value, fields: &[&str]) -> BTreeSet<String> {
    let row = |object: &Value| {
        let values: Vec<_> = fields.iter().map(|name| object[name].clone()).collect();
        json!(values).to_string()
    };
    list.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn the_table_of_the_template_is_the_one_that_the_migration_creates() {
    let (template, migrated) = (template(), migrated());
    let table = &template["Resources"]["Table"]["Properties"];
    for (list, fields) in [
        ("KeySchema", &["AttributeName", "KeyType"][..]),
        ("AttributeDefinitions", &["AttributeName", "AttributeType"]),
        (
            "GlobalSecondaryIndexes",
            &["IndexName", "KeySchema", "Projection"],
        ),
    ] {
        let found = rows(&table[list], fields);
        assert_eq!(found, rows(&migrated[list], fields), "{list}");
    }
    let expiry = &table["TimeToLiveSpecification"];
    assert_eq!(expiry["AttributeName"], migrated["TimeToLive"]);
    assert_eq!(expiry["Enabled"], true);
    assert_eq!(table["DeletionProtectionEnabled"], true);
    assert_eq!(migrated["DeletionProtectionEnabled"], true);
    let recovery = &table["PointInTimeRecoverySpecification"];
    assert_eq!(recovery["PointInTimeRecoveryEnabled"], true);
    assert_eq!(table["BillingMode"], "PAY_PER_REQUEST");
}

/// A stack that is deleted keeps the users, and no attack costs more than the limits allow.
#[test]
fn the_template_keeps_the_table_and_limits_requests_and_capacity() {
    let resources = &template()["Resources"];
    let table = &resources["Table"];
    assert_eq!(table["DeletionPolicy"], "Retain");
    assert_eq!(table["UpdateReplacePolicy"], "Retain");
    let indexes = table["Properties"]["GlobalSecondaryIndexes"].as_array();
    for limited in indexes.unwrap().iter().chain([&table["Properties"]]) {
        let limit = &limited["OnDemandThroughput"];
        assert_eq!(limit["MaxReadRequestUnits"]["!Ref"], "MaxReadUnits");
        assert_eq!(limit["MaxWriteRequestUnits"]["!Ref"], "MaxWriteUnits");
    }
    let routes = &resources["Stage"]["Properties"]["DefaultRouteSettings"];
    assert_eq!(routes["ThrottlingRateLimit"]["!Ref"], "RequestsPerSecond");
    for logs in ["ApiLogs", "WorkerLogs"] {
        let retention = &resources[logs]["Properties"]["RetentionInDays"];
        assert_eq!(retention["!Ref"], "LogRetentionDays");
    }
}

/// The page of `DynamoDB` has the actions that a server needs, and the policy has no others.
#[test]
fn the_functions_have_the_permissions_of_the_page_and_no_others() {
    let resources = &template()["Resources"];
    let statements = &resources["SharedPolicy"]["Properties"]["PolicyDocument"]["Statement"];
    let actions = statements[0]["Action"].as_array().unwrap();
    let page = read("docs/operations/dynamodb.md");
    let row = page.lines().find(|line| line.starts_with("| to serve |"));
    let listed = row.unwrap().split('`').skip(1).step_by(2);
    let listed: BTreeSet<_> = listed
        .map(|name| format!("dynamodb:{}", name.trim_start_matches("dynamodb:")))
        .collect();
    let granted: BTreeSet<_> = actions
        .iter()
        .map(|action| action.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(granted, listed);
    assert_eq!(statements[1]["Action"], "ssm:GetParameter");
    assert_eq!(statements.as_array().unwrap().len(), 2);
}

/// The program knows the handlers and the variables.
#[test]
fn the_functions_have_the_handlers_and_variables_of_the_program() {
    let resources = &template()["Resources"];
    let functions = read("crates/server/src/lambda/mod.rs");
    let settings = read("docs/CONFIGURATION.md") + &read("crates/server/src/config/lambda.rs");
    for (name, handler) in [("ApiFunction", "api"), ("WorkerFunction", "worker")] {
        let function = &resources[name]["Properties"];
        assert_eq!(function["Handler"], handler);
        assert!(functions.contains(&format!("\"{handler}\" =>")));
        let variables = function["Environment"]["Variables"].as_object().unwrap();
        assert_eq!(variables.len(), 3);
        for variable in variables.keys() {
            assert!(settings.contains(variable), "{variable}");
        }
    }
    // A mail is claimed only if it can be sent before the function is ended.
    let timeout = resources["WorkerFunction"]["Properties"]["Timeout"].as_u64();
    assert!(timeout.unwrap() >= 210);
}
