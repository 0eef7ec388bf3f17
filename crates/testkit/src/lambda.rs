//! The Runtime API of AWS Lambda, in the test process: the next event, a response, an error. And events of API Gateway.
//!
//! `cargo lambda watch` has it as well, but sets no deadline and expects the sources of the function.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Error, Result as IoResult, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::wait::TEST_TIMEOUT;

const INVOCATION: &str = "/2018-06-01/runtime/invocation/";

/// A Runtime API for one process. Dropping it closes its connections.
pub struct RuntimeApi {
    /// Value of `AWS_LAMBDA_RUNTIME_API`.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Those that the process has not taken.
    events: VecDeque<Event>,
    answers: BTreeMap<u64, Answer>,
    connections: Vec<TcpStream>,
    /// Number of events so far.
    count: u64,
    is_closed: bool,
}

struct Event {
    number: u64,
    payload: String,
    /// Milliseconds since 1970.
    deadline: i64,
}

/// The response to an event, or the error.
pub type Answer = Result<Value, Value>;

impl RuntimeApi {
    /// Listens on this machine.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let shared = Arc::new(Shared::default());
        let api = Self {
            address: listener.local_addr().expect("it listens"),
            shared: shared.clone(),
        };
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let shared = shared.clone();
                if shared.state().is_closed {
                    return;
                }
                // It ends with the process or with the API.
                std::thread::spawn(move || shared.serve(connection));
            }
        });
        api
    }

    /// Sends an event that must be answered within this time, and returns its number.
    pub fn send(&self, payload: &Value, time: Duration) -> u64 {
        let time = i64::try_from(time.as_millis()).expect("a short time");
        let mut state = self.shared.state();
        state.count += 1;
        let event = Event {
            number: state.count,
            payload: payload.to_string(),
            deadline: now() + time,
        };
        let number = event.number;
        state.events.push_back(event);
        self.shared.changed.notify_all();
        number
    }

    /// Waits until the process has taken all events.
    ///
    /// # Panics
    /// If it does not.
    pub fn wait_until_taken(&self) {
        self.shared
            .wait(|state| state.events.is_empty().then_some(()));
    }

    /// Waits for the answer to an event.
    ///
    /// # Panics
    /// If there is none.
    pub fn answer(&self, number: u64) -> Answer {
        self.shared.wait(|state| state.answers.remove(&number))
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.is_closed = true;
        for connection in &state.connections {
            // The process may have closed it.
            connection.shutdown(Shutdown::Both).ok();
        }
        drop(state);
        self.shared.changed.notify_all();
        // Ends the thread that accepts connections.
        TcpStream::connect(self.address).ok();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[track_caller]
    fn wait<T>(&self, look: impl Fn(&mut State) -> Option<T>) -> T {
        let mut state = self.state();
        loop {
            if let Some(seen) = look(&mut state) {
                return seen;
            }
            let waited = self.changed.wait_timeout(state, TEST_TIMEOUT);
            let (next, result) = waited.unwrap_or_else(PoisonError::into_inner);
            assert!(!result.timed_out(), "the function does not answer");
            state = next;
        }
    }

    /// Serves the requests of one connection until one of both ends.
    fn serve(&self, connection: TcpStream) {
        if let Ok(copy) = connection.try_clone() {
            self.state().connections.push(copy);
        }
        let mut reader = BufReader::new(connection);
        while let Ok(Some((path, body))) = read_request(&mut reader) {
            let response = self.respond(&path, &body);
            let Some(response) = response else { return };
            if reader.get_mut().write_all(response.as_bytes()).is_err() {
                return;
            }
        }
    }

    /// Returns `None` if the API is closed.
    fn respond(&self, path: &str, body: &[u8]) -> Option<String> {
        let rest = path.strip_prefix(INVOCATION).unwrap_or_default();
        if rest == "next" {
            return self.next_event();
        }
        let (number, kind) = rest.split_once('/').unwrap_or_default();
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let answer = match kind {
            "response" => Ok(body),
            _ => Err(body),
        };
        let mut state = self.state();
        state
            .answers
            .insert(number.parse().unwrap_or_default(), answer);
        drop(state);
        self.changed.notify_all();
        Some(http("202 Accepted", "", "{}"))
    }

    fn next_event(&self) -> Option<String> {
        let mut state = self.state();
        let event = loop {
            if state.is_closed {
                return None;
            }
            if let Some(event) = state.events.pop_front() {
                break event;
            }
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        };
        drop(state);
        self.changed.notify_all();
        let fields = format!(
            "Lambda-Runtime-Aws-Request-Id: {}\r\nLambda-Runtime-Deadline-Ms: {}\r\nLambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-central-1:123456789012:function:x\r\n",
            event.number, event.deadline
        );
        Some(http("200 OK", &fields, &event.payload))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the process compares deadlines with the system's clock"
)]
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn http(status: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// Returns the path and the body; `None` at the end of the connection.
fn read_request(reader: &mut impl BufRead) -> IoResult<Option<(String, Vec<u8>)>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = lengths.next().map_or("0", |(_, value)| value.trim());
    let is_chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    let mut body = vec![0; length.parse().map_err(Error::other)?];
    match is_chunked {
        true => body = read_chunks(reader)?,
        false => reader.read_exact(&mut body)?,
    }
    Ok(Some((path, body)))
}

fn read_chunks(reader: &mut impl BufRead) -> IoResult<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).map_err(Error::other)?;
        let start = body.len();
        body.resize(start + length + "\r\n".len(), 0);
        reader.read_exact(&mut body[start..])?;
        body.truncate(start + length);
        if length == 0 {
            return Ok(body);
        }
    }
}

/// A request as API Gateway sends it, in the payload format 2.0.
#[derive(Debug, Clone)]
#[must_use]
pub struct HttpEvent(Value);

impl HttpEvent {
    /// A request from a client at 198.51.100.7 for a path with an optional query.
    pub fn new(method: &str, path: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Self(json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"host": "localhost:8000", "x-forwarded-proto": "https", "x-forwarded-for": "198.51.100.7"},
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "api",
                "domainName": "localhost:8000",
                "stage": "$default",
                "timeEpoch": 1_800_000_000_000_i64,
                "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "198.51.100.7", "userAgent": "test"},
            },
            "isBase64Encoded": false,
        }))
    }

    /// Adds a header field.
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.0["headers"][name] = value.into();
        self
    }

    /// Adds a bearer token.
    pub fn bearer(self, token: &str) -> Self {
        self.field("authorization", &format!("Bearer {token}"))
    }

    /// Adds cookies: their names and values.
    pub fn cookies(mut self, cookies: &[String]) -> Self {
        self.0["cookies"] = cookies.into();
        self
    }

    /// Adds a body that is text.
    pub fn text(mut self, media_type: &str, body: &str) -> Self {
        self.0["body"] = body.into();
        self.field("content-type", media_type)
    }

    /// Adds a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.text("application/json", &body.to_string())
    }

    /// Adds a body in Base64.
    pub fn base64(mut self, media_type: &str, body: &str) -> Self {
        self.0["isBase64Encoded"] = true.into();
        self.text(media_type, body)
    }

    /// The event.
    #[must_use]
    pub fn payload(&self) -> &Value {
        &self.0
    }
}
