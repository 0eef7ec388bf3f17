//! The binary as functions of AWS Lambda, with events of API Gateway, on the emulator of DynamoDB. As Lambda does, the process
//! is frozen (SIGSTOP) after every answer.

use std::net::SocketAddr;
use std::time::Duration;

use doorward_testkit::lambda::{Answer, HttpEvent, RuntimeApi};
use doorward_testkit::servers::{self, Proxy, ProxyMode};
use serde_json::{Value, json};

use super::{MailSink, Server, Setup};
use crate::support::PASSWORD;

const MASTER_KEY: &str = "kV3-qFz8_mLw29TtRb7uYxNe5sHd1GjPaC6oI0";
/// The time limit of an event: that of the functions in deploy/aws/template.yaml.
const TIME: Duration = Duration::from_secs(300);
const ON_OUR_PAGE: (&str, &str) = ("sec-fetch-site", "same-origin");

/// A table, a mail server, and the environment of the functions.
struct Deployment {
    setup: Setup,
    sink: MailSink,
}

impl Deployment {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        Self::on(&runtime.unwrap().block_on(servers::dynamodb()))
    }

    /// Creates the table, as the template does, with the command line.
    fn on(url: &str) -> Self {
        let sink = MailSink::start();
        let setup = Setup::on_a_file()
            .with("DATABASE_URL", url)
            .with("SMTP_URL", &sink.url())
            .with("JWT_SECRET_KEY", MASTER_KEY)
            .with("DOORWARD_PUBLIC_URL", "http://localhost:8000");
        setup.run(&["migrate"]).expect(0);
        let setup = setup
            .without("DOORWARD_LISTEN")
            .without("DOORWARD_DATA_DIR")
            .with("AWS_LAMBDA_FUNCTION_NAME", "doorward")
            .with("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")
            .with("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .with("AWS_REGION", "eu-central-1");
        Self { setup, sink }
    }

    fn start(&self, handler: &str) -> Function {
        Function::start(&self.setup, handler)
    }

    /// Starts the worker, and waits for its first run, which creates the signing key.
    fn start_worker(&self) -> Function {
        let worker = self.start("worker");
        worker.on_schedule();
        worker
    }

    /// The path of the link in the next mail.
    fn link(&self) -> String {
        self.sink.next_mail().link("/confirmation/")
    }
}

/// A process of a function.
struct Function {
    api: RuntimeApi,
    server: Server,
}

impl Function {
    fn start(setup: &Setup, handler: &str) -> Self {
        let api = RuntimeApi::start();
        let setup = setup
            .clone()
            .with("AWS_LAMBDA_RUNTIME_API", &api.address.to_string())
            .with("_HANDLER", handler);
        let server = setup.begin(setup.command(&[]));
        Self { api, server }
    }

    /// Sends an event. The process is frozen before and after it.
    fn invoke(&self, event: &Value, time: Duration) -> Answer {
        self.server.signal("CONT");
        let number = self.api.send(event, time);
        let answer = self.api.answer(number);
        self.server.signal("STOP");
        answer
    }

    fn request(&self, event: &HttpEvent) -> Reply {
        Reply(self.invoke(event.payload(), TIME).expect("a response"))
    }

    /// The schedule wakes the worker.
    #[track_caller]
    fn on_schedule(&self) {
        let event = json!({"source": "aws.events", "detail-type": "Scheduled Event"});
        assert_eq!(self.invoke(&event, TIME), Ok(Value::Null));
    }

    /// The stream of the table wakes the worker.
    #[track_caller]
    fn on_stream(&self) {
        let keys = json!({"_pk": {"S": "jobs/1"}});
        let record = json!({"eventName": "INSERT", "dynamodb": {"Keys": keys}});
        assert_eq!(
            self.invoke(&json!({"Records": [record]}), TIME),
            Ok(Value::Null)
        );
    }
}

/// A response of a function.
#[derive(Debug)]
struct Reply(Value);

impl Reply {
    #[track_caller]
    fn expect(self, status: u16) -> Self {
        assert_eq!(self.0["statusCode"], status, "{}", self.0);
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(self.0["body"].as_str().unwrap()).unwrap()
    }

    /// Names and values of the cookies that it sets.
    fn cookies(&self) -> Vec<String> {
        let cookies = self.0["cookies"].as_array().unwrap().iter();
        let pair = |cookie: &Value| {
            cookie
                .as_str()
                .unwrap()
                .split(';')
                .next()
                .unwrap()
                .to_owned()
        };
        cookies.map(pair).collect()
    }
}

fn sign_up(email: &str) -> HttpEvent {
    HttpEvent::new("POST", "/user").json(&json!({"email": email, "password": PASSWORD}))
}

fn sign_in(email: &str) -> HttpEvent {
    HttpEvent::new("POST", "/auth").json(&json!({"email": email, "password": PASSWORD}))
}

#[test]
fn an_account_from_sign_up_to_sign_out_in_processes_that_are_frozen_after_every_answer() {
    let deployment = Deployment::new();
    let (worker, api) = (deployment.start_worker(), deployment.start("api"));
    api.request(&sign_up("ben@example.com")).expect(201);
    worker.on_stream();
    let link = deployment.link();
    api.request(&HttpEvent::new("POST", &link)).expect(200);
    let signed_in = api.request(&sign_in("ben@example.com")).expect(201);
    let token = signed_in.json()["token"].as_str().unwrap().to_owned();
    let check = HttpEvent::new("GET", "/auth").bearer(&token);
    api.request(&check).expect(200);

    // The client's address is that of the event, not of a header that the client sends.
    let list = HttpEvent::new("GET", "/user/me/session").bearer(&token);
    let sessions = api.request(&list.field("x-forwarded-for", "192.0.2.1"));
    assert!(sessions.expect(200).0.to_string().contains("198.51.100.7"));

    // Another process knows the session as well.
    let other = deployment.start("api");
    other.request(&check).expect(200);
    let out = HttpEvent::new("DELETE", "/auth").bearer(&token);
    api.request(&out).expect(204);
    api.request(&check).expect(401);
    worker.on_schedule();
    let folder = std::fs::read_dir(deployment.setup.path("")).unwrap();
    let names: Vec<_> = folder.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(
        names,
        ["data"],
        "the migration's folder; a function writes nothing"
    );
}

#[test]
fn cookies_and_binary_bodies_are_as_over_tcp() {
    let icon = include_bytes!("../../../../../docs/images/account-light.webp");
    let deployment = Deployment::new();
    let path = deployment.setup.path("icon.webp");
    std::fs::write(&path, &icon[..]).unwrap();
    let setup = deployment.setup.clone();
    let worker = deployment.start_worker();
    let api = Function::start(
        &setup.with("DOORWARD_BRAND__ICON", path.to_str().unwrap()),
        "api",
    );
    api.request(&sign_up("ben@example.com")).expect(201);
    worker.on_stream();
    let link = deployment.link();
    api.request(&HttpEvent::new("POST", &link)).expect(200);

    // A form of a page, in Base64.
    let (name, value) = ON_OUR_PAGE;
    let form = HttpEvent::new("POST", "/auth").field(name, value);
    let form = form.field("accept", "text/html");
    let text = format!(
        "email=ben%40example.com&password={}",
        PASSWORD.replace(' ', "+")
    );
    let form = form.base64(
        "application/x-www-form-urlencoded",
        &base64(text.as_bytes()),
    );
    let signed_in = api.request(&form).expect(303);
    assert_eq!(signed_in.0["headers"]["location"], "/account");
    let cookies = signed_in.cookies();
    assert!(cookies.len() >= 2, "{cookies:?}");
    assert!(signed_in.0["headers"]["set-cookie"].is_null());

    let page = HttpEvent::new("GET", "/account").field("accept", "text/html");
    let page = api.request(&page.cookies(&cookies)).expect(200);
    assert_eq!(page.0["isBase64Encoded"], false);
    let html = page.0["body"].as_str().unwrap();
    assert!(html.contains("ben@example.com"));

    let (_, rest) = html.split_once("<link rel=\"icon\"").unwrap();
    let path = rest.split_once("href=\"").unwrap().1.split('"').next();
    let image = api
        .request(&HttpEvent::new("GET", path.unwrap()))
        .expect(200);
    assert_eq!(image.0["isBase64Encoded"], true);
    assert_eq!(image.0["body"], base64(icon));
}

#[test]
fn a_connection_that_died_while_the_process_was_frozen_is_no_error() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = runtime.block_on(servers::dynamodb());
    let (_, authority) = url.rsplit_once("http://").unwrap();
    let target: SocketAddr = authority.parse().unwrap();
    let proxy = runtime.block_on(Proxy::to(target));
    let deployment = Deployment::on(&proxy.url(&url));
    let api = deployment.start("api");
    api.request(&sign_up("ben@example.com")).expect(201);
    for number in 0..3 {
        proxy.reset_connections();
        let email = format!("user{number}@example.com");
        api.request(&sign_up(&email)).expect(201);
    }
    // A write whose response is lost is not an error either.
    let lost = ProxyMode::DropResponse("TransactWriteItems", 1);
    runtime.block_on(proxy.set(lost));
    api.request(&sign_up("eve@example.com")).expect(201);
}

#[test]
fn a_process_that_was_killed_during_a_request_leaves_a_user_or_none() {
    let deployment = Deployment::new();
    deployment.start_worker();
    let body = json!({"username": "ben", "password": PASSWORD});
    let sign_up = HttpEvent::new("POST", "/user").json(&body);
    let sign_in = HttpEvent::new("POST", "/auth").json(&body);
    let api = deployment.start("api");
    api.api.send(sign_up.payload(), TIME);
    api.api.wait_until_taken();
    api.server.signal("KILL");
    api.server.wait();

    let api = deployment.start("api");
    let again = api.request(&sign_up);
    let status = again.0["statusCode"].as_u64().unwrap();
    assert!(status == 201 || status == 409, "{again:?}");
    api.request(&sign_in).expect(201);
}

#[test]
fn a_worker_claims_no_mail_that_it_could_not_send_before_its_deadline() {
    let deployment = Deployment::new();
    let (worker, api) = (deployment.start_worker(), deployment.start("api"));
    api.request(&sign_up("ben@example.com")).expect(201);
    for time in [0, 90] {
        let late = worker.invoke(&json!({}), Duration::from_secs(time));
        let error = late.unwrap_err().to_string();
        assert!(error.contains("timeout of the function"), "{error}");
    }
    assert!(deployment.sink.other_mails().is_empty());
    worker.on_schedule();
    assert_eq!(deployment.sink.next_mail().to(), "ben@example.com");
}

#[test]
fn a_function_that_cannot_have_its_settings_names_the_alternative() {
    let deployment = Deployment::new();
    for (name, value, expected) in [
        (
            "DATABASE_URL",
            "sqlite:doorward.db",
            "dynamodb://REGION/TABLE",
        ),
        ("DOORWARD_METRICS__LISTEN", "127.0.0.1:9464", "CloudWatch"),
        ("SMTP_URL", "inbox:", "Amazon SES"),
        ("_HANDLER", "bootstrap", "`api` or `worker`"),
    ] {
        let setup = deployment.setup.clone().with(name, value);
        let setup = match name {
            "_HANDLER" => setup,
            _ => setup.with("_HANDLER", "api"),
        };
        let refused = setup.with("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1").run(&[]);
        assert!(refused.expect(1).err.contains(expected), "{name}");
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
