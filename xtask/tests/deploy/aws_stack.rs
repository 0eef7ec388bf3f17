//! The template of AWS, deployed into the emulator ministack, which enforces the roles: an account through the HTTP API.

use std::path::Path;
use std::process::Command;

use doorward_testkit::http::{Answer, Request};
use doorward_testkit::port::Port;
use doorward_testkit::process::Process;
use doorward_testkit::wait::until;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::aws::TEMPLATE;
use crate::files::{binary, root, succeed, tool};
use crate::stack::Catcher;

const PASSWORD: &str = "plum cake on sundays";
const MASTER_KEY: &str = "kV3-qFz8_mLw29TtRb7uYxNe5sHd1GjPaC6oI0";
/// The services that the template uses.
const SERVICES: &str =
    "SERVICES=apigateway,cloudformation,dynamodb,events,iam,lambda,logs,s3,ssm,sts";
/// Writes a zip file with one executable.
const ZIP: &str = "\
import sys, zipfile
entry = zipfile.ZipInfo('bootstrap')
entry.external_attr, entry.compress_type = 0o100755 << 16, zipfile.ZIP_DEFLATED
zipfile.ZipFile(sys.argv[2], 'w', compresslevel=1).writestr(entry, open(sys.argv[1], 'rb').read())
";

/// An emulator of AWS with the deployed template.
struct Aws {
    folder: TempDir,
    endpoint: String,
    /// The HTTP API.
    url: String,
    _emulator: Process,
}

impl Aws {
    fn deploy(secrets: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = Port::free();
        let endpoint = format!("http://127.0.0.1:{}", port.number);
        let mut emulator = Command::new("env");
        // The functions inherit the environment, and reject unknown settings.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DOORWARD_") {
                emulator.arg("--unset").arg(name);
            }
        }
        emulator
            .args(["AUTH=true", "BIND_HOST=127.0.0.1", "IOT_MTLS_ENABLED=0"])
            .args([SERVICES, "LOG_LEVEL=WARNING"])
            .arg(format!("GATEWAY_PORT={}", port.number))
            // For the functions.
            .arg(format!("AWS_ENDPOINT_URL={endpoint}"))
            .arg(tool("ministack").get_program());
        let process = Process::start(&emulator, folder.path());
        until("the emulator is ready", || {
            let health = Request::new("GET", &format!("{endpoint}/_ministack/health"));
            health.try_send().ok().filter(|answer| answer.status == 200)
        });
        let file = |name: &str| folder.path().join(name);
        std::fs::write(file("env"), secrets).unwrap();
        zip(&file("doorward.zip"), folder.path());
        let mut deploy = tool("python");
        deploy.args(["xtask/tests/deploy/aws_stack.py", &endpoint, TEMPLATE]);
        deploy.arg(file("doorward.zip")).arg(file("env"));
        let outputs = succeed(deploy.current_dir(root())).stdout;
        let outputs: Value = serde_json::from_slice(&outputs).unwrap();
        let url = outputs["Url"].as_str().unwrap();
        let (api, _) = url
            .strip_prefix("https://")
            .and_then(|host| host.split_once('.'))
            .unwrap();
        Self {
            url: format!("http://{api}.execute-api.localhost:{}", port.number),
            folder,
            endpoint,
            _emulator: process,
        }
    }

    /// The command line on the operator's machine, with the secrets of the parameter.
    fn doorward(&self, arguments: &[&str]) {
        let table = "dynamodb://eu-central-1/doorward";
        let mut doorward = Command::new(binary());
        doorward
            .args(arguments)
            .env_clear()
            .env(
                "DATABASE_URL",
                format!("{table}?endpoint={}", self.endpoint),
            )
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("JWT_SECRET_KEY", MASTER_KEY);
        succeed(doorward.current_dir(self.folder.path()));
    }

    fn send(&self, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Answer {
        let mut request = Request::new(method, &format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.bearer(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send()
    }
}

/// Packs the binary without its symbols.
fn zip(file: &Path, folder: &Path) {
    let stripped = folder.join("bootstrap");
    let mut strip = Command::new("strip");
    succeed(strip.arg("-o").arg(&stripped).arg(binary()));
    succeed(tool("python").args(["-c", ZIP]).arg(stripped).arg(file));
}

#[test]
fn an_account_is_created_confirmed_and_used_through_the_http_api() {
    let (catcher, port) = Catcher::start();
    let aws = Aws::deploy(&format!(
        "SMTP_URL=smtp://127.0.0.1:{port}\nJWT_SECRET_KEY={MASTER_KEY}\n"
    ));
    aws.doorward(&["migrate"]);
    let account = json!({"email": "ben@example.com", "password": PASSWORD});
    aws.send("POST", "/user", None, Some(&account)).expect(201);
    // The stream of the table has woken the worker.
    let mail = catcher.next_mail();
    assert_eq!(mail["rcpt_tos"][0], "ben@example.com");
    let text = mail["parsed"]["parts"]["text/plain"].as_str().unwrap();
    let at = text.find("/confirmation/").unwrap();
    let link = text[at..].split_whitespace().next().unwrap();
    aws.send("POST", link, None, None).expect(200);
    let signed_in = aws.send("POST", "/auth", None, Some(&account)).expect(201);
    let token = signed_in.json()["token"].as_str().unwrap().to_owned();
    aws.send("GET", "/auth", Some(&token), None).expect(200);
    aws.send("DELETE", "/auth", Some(&token), None).expect(204);
    aws.send("GET", "/auth", Some(&token), None).expect(401);
}
