//! The collection against the function `api` of AWS Lambda, through a gateway that turns each request into an event, as API
//! Gateway does. The process is frozen after every response.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward_testkit::lambda::{HttpEvent, RuntimeApi};
use doorward_testkit::process::{Process, piped, succeed};
use doorward_testkit::servers::{self, ADMIN_PASSWORD};
use doorward_testkit::tools::target;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::collection::Run;

/// The time limit of an event.
const TIME: Duration = Duration::from_secs(300);

/// A process of a function. It runs during events only.
struct Function {
    api: RuntimeApi,
    process: Process,
    _folder: TempDir,
}

impl Function {
    fn start(handler: &str, variables: &[(&str, &str)]) -> Self {
        let (api, folder) = (RuntimeApi::start(), tempfile::tempdir().unwrap());
        let address = api.address.to_string();
        let lambda = [
            ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "doorward"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("_HANDLER", handler),
        ];
        let program = doorward(&[variables, &lambda].concat());
        Self {
            process: Process::start(&program, folder.path()),
            api,
            _folder: folder,
        }
    }

    fn invoke(&self, event: &Value) -> Value {
        self.signal("-CONT");
        let number = self.api.send(event, TIME);
        let answer = self.api.answer(number);
        self.signal("-STOP");
        answer.unwrap_or_else(|error| panic!("the function failed: {error}"))
    }

    fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        succeed(Command::new("kill").args([name, &pid]));
    }
}

/// The debug binary with these variables only: an optimised one need not have the feature.
fn doorward(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new("env");
    command.arg("-i");
    for (name, value) in variables {
        command.arg(format!("{name}={value}"));
    }
    command.arg(target().join("debug/doorward"));
    command
}

/// Passes the request of a connection to the function, and its response back. `None` if there is none.
fn pass(function: &Function, stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let (line, fields) = head.split_once("\r\n")?;
    let mut words = line.split(' ');
    let mut event = HttpEvent::new(words.next()?, words.next()?);
    let (mut length, mut media_type) = (0, String::new());
    for (name, value) in fields.lines().filter_map(|field| field.split_once(": ")) {
        match name.to_lowercase().as_str() {
            "cookie" => {
                let cookies: Vec<_> = value.split("; ").map(str::to_owned).collect();
                event = event.cookies(&cookies);
            }
            "content-length" => length = value.parse().ok()?,
            "content-type" => value.clone_into(&mut media_type),
            name => event = event.field(name, value),
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if length > 0 {
        event = event.base64(&media_type, &STANDARD.encode(&body));
    }
    let response = function.invoke(event.payload());
    let body = response["body"].as_str().unwrap_or_default();
    let body = match response["isBase64Encoded"] == true {
        true => STANDARD.decode(body).ok()?,
        false => body.as_bytes().to_vec(),
    };
    let mut answer = format!(
        "HTTP/1.1 {} X\r\nConnection: close\r\n",
        response["statusCode"]
    );
    for (name, value) in response["headers"].as_object()? {
        answer += &format!("{name}: {}\r\n", value.as_str()?);
    }
    for cookie in response["cookies"].as_array()? {
        answer += &format!("set-cookie: {}\r\n", cookie.as_str()?);
    }
    let has_length = response["headers"]["content-length"].is_string();
    if !has_length && line.split(' ').next() != Some("HEAD") && response["statusCode"] != 204 {
        answer += &format!("content-length: {}\r\n", body.len());
    }
    let answer = [answer.as_bytes(), b"\r\n", &body].concat();
    reader.get_mut().write_all(&answer).ok()
}

#[test]
fn the_collection_passes_on_a_function_that_is_frozen_after_every_response() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let table = runtime.unwrap().block_on(servers::dynamodb());
    let folder = tempfile::tempdir().unwrap();
    let secret = ("JWT_SECRET_KEY", "kV3-qFz8_mLw29TtRb7uYxNe5sHd1GjPaC6oI0");
    let mut variables = vec![("DATABASE_URL", table.as_str()), secret];
    let run = |arguments: &str| {
        let mut command = doorward(&variables);
        command
            .args(arguments.split(' '))
            .current_dir(folder.path());
        let output = piped(&mut command, ADMIN_PASSWORD);
        assert!(output.status.success(), "{output:?}");
    };
    run("migrate");
    run("user create --username admin --role admin --password-stdin");

    variables.extend([
        ("SMTP_URL", "log:"),
        ("DOORWARD_PUBLIC_URL", &url),
        ("DOORWARD_THROTTLE__ENABLED", "false"),
    ]);
    let worker = Function::start("worker", &variables);
    assert_eq!(worker.invoke(&json!({})), Value::Null);
    let api = Function::start("api", &variables);
    // It ends with this process.
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            pass(&api, stream);
        }
    });
    let run = Run::must_pass(&url);
    assert!(run.printed().contains("has no inbox"), "{}", run.printed());
}
