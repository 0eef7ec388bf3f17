//! A proxy in front of the emulator of DynamoDB that measures requests: units, and the round trips that follow each other.
//!
//! It asks for the consumed capacity, which the emulator computes for writes by DynamoDB's rules. For reads it does not
//! look at sizes, so that they are computed here. Each response is delayed, as by a network: requests that are sent at the
//! same time then overlap, and those that wait for each other do not.

use std::io::{BufRead, BufReader, Error, Result, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::Answer;

/// Bytes of a read unit.
const READ_UNIT: usize = 4096;

/// The proxy. It ends with the process.
pub struct Meter {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// What a number of requests cost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// Read units.
    pub reads: f64,
    /// Write units.
    pub writes: f64,
    /// Round trips of which each begins after the end of the one before.
    pub round_trips: usize,
}

/// A request that was answered.
struct Request {
    started: Instant,
    ended: Instant,
    reads: f64,
    writes: f64,
}

impl Meter {
    /// Creates a proxy in front of the emulator of this table.
    ///
    /// # Panics
    /// If the URL has no endpoint, or no port is free.
    #[must_use]
    pub fn before(table: &str, delay: Duration) -> Self {
        let (_, target) = table.split_once("http://").expect("an emulator");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let meter = Self {
            url: table.replacen(target, &address.to_string(), 1),
            requests: requests.clone(),
        };
        let target = target.to_owned();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (target, requests) = (target.clone(), requests.clone());
                // A client that has ended reads no response.
                std::thread::spawn(move || serve(&client, &target, delay, &requests).ok());
            }
        });
        meter
    }

    /// The URL of the table through the proxy.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The cost of the requests that were sent since this time and are answered.
    #[must_use]
    pub fn cost_since(&self, since: Instant) -> Cost {
        let requests = self.requests.lock();
        let requests = requests.unwrap_or_else(PoisonError::into_inner);
        let mut counted: Vec<_> = requests.iter().filter(|one| one.started >= since).collect();
        counted.sort_by_key(|one| one.ended);
        let (mut cost, mut last) = (Cost::default(), None);
        for request in counted {
            cost.reads += request.reads;
            cost.writes += request.writes;
            if last.is_none_or(|last| request.started > last) {
                cost.round_trips += 1;
                last = Some(request.ended);
            }
        }
        cost
    }
}

/// Serves one request, and closes the connection.
fn serve(
    mut client: &TcpStream,
    target: &str,
    delay: Duration,
    requests: &Mutex<Vec<Request>>,
) -> Result<()> {
    let (head, body) = message(&mut BufReader::new(client))?;
    let started = Instant::now();
    let mut asked: Value = serde_json::from_slice(&body)?;
    if let Some(asked) = asked.as_object_mut() {
        asked.insert("ReturnConsumedCapacity".into(), "TOTAL".into());
    }
    let body = asked.to_string();
    let kept = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default();
        !name.eq_ignore_ascii_case("content-length") && !name.eq_ignore_ascii_case("connection")
    };
    let head: Vec<_> = head.lines().filter(kept).collect();
    let head = head.join("\r\n");
    let mut server = TcpStream::connect(target)?;
    write!(
        server,
        "{head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let answer = Answer::read(BufReader::new(server))?;
    let (reads, writes) = units(&head, &asked, &serde_json::from_str(&answer.body)?);
    wait(delay);
    let ended = Instant::now();
    let request = Request {
        started,
        ended,
        reads,
        writes,
    };
    let mut requests = requests.lock().unwrap_or_else(PoisonError::into_inner);
    requests.push(request);
    drop(requests);
    write!(
        client,
        "HTTP/1.1 {} Answer\r\ncontent-type: application/x-amz-json-1.0\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{}",
        answer.status,
        answer.body.len(),
        answer.body
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "the delay of a network, in a thread of its own"
)]
fn wait(delay: Duration) {
    std::thread::sleep(delay);
}

/// Reads the head of a request, without the empty line, and its body.
fn message(from: &mut impl BufRead) -> Result<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if from.read_line(&mut head)? == 0 {
            return Err(Error::other("the connection has ended"));
        }
    }
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let mut length = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.find_map(|(_, value)| value.trim().parse().ok());
    let length = length.ok_or_else(|| Error::other("a request without a length"))?;
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok((head.trim_end().to_owned(), body))
}

/// The read and write units of a request.
fn units(head: &str, asked: &Value, answer: &Value) -> (f64, f64) {
    let operation = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_target = name.eq_ignore_ascii_case("x-amz-target");
        value.rsplit('.').next().filter(|_| is_target)
    });
    let rows = |items: &Value| {
        items
            .as_array()
            .map_or(0, |items| items.iter().map(size).sum())
    };
    let read = |size: usize, is_consistent: bool| {
        let units = size.div_ceil(READ_UNIT).max(1) as f64;
        if is_consistent { units } else { units / 2.0 }
    };
    match operation.unwrap_or_default() {
        "GetItem" => (
            read(size(&answer["Item"]), asked["ConsistentRead"] == true),
            0.0,
        ),
        "Query" | "Scan" => {
            let size = rows(&answer["Items"]);
            (read(size, asked["ConsistentRead"] == true), 0.0)
        }
        "BatchGetItem" => {
            let keys = asked["RequestItems"].as_object().into_iter().flatten();
            let keys = keys.filter_map(|(_, wanted)| wanted["Keys"].as_array());
            let keys: usize = keys.map(Vec::len).sum();
            let found = answer["Responses"].as_object().into_iter().flatten();
            let found = found.filter_map(|(_, items)| items.as_array()).flatten();
            let found: Vec<usize> = found.map(size).collect();
            let missing = keys.saturating_sub(found.len());
            let found: f64 = found.iter().map(|size| read(*size, true)).sum();
            (found + missing as f64, 0.0)
        }
        _ => {
            let consumed = match &answer["ConsumedCapacity"] {
                Value::Array(tables) => tables.clone(),
                one => vec![one.clone()],
            };
            let units = consumed
                .iter()
                .filter_map(|table| table["CapacityUnits"].as_f64());
            // A condition that does not hold costs as much as the write of a small item.
            let refused = answer["__type"].as_str().unwrap_or_default();
            let refused = f64::from(u8::from(
                refused.ends_with("ConditionalCheckFailedException"),
            ));
            (0.0, units.sum::<f64>() + refused)
        }
    }
}

/// The size of an item as DynamoDB counts it, or a little more.
fn size(item: &Value) -> usize {
    let attributes = item.as_object().into_iter().flatten();
    attributes
        .map(|(name, value)| {
            let text = |kind: &str| value[kind].as_str().map_or(0, str::len);
            name.len() + text("S") + text("N") + text("B").div_ceil(4) * 3
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_cost_by_their_size_and_consistency() {
        let head = |operation: &str| format!("POST / HTTP/1.1\r\nX-Amz-Target: D.{operation}");
        let item = |bytes: usize| json!({"a": {"S": "x".repeat(bytes)}});
        for (operation, asked, answer, reads) in [
            ("GetItem", json!({"ConsistentRead": true}), json!({}), 1.0),
            (
                "GetItem",
                json!({"ConsistentRead": true}),
                json!({"Item": item(5000)}),
                2.0,
            ),
            ("Query", json!({}), json!({"Items": []}), 0.5),
            (
                "Query",
                json!({}),
                json!({"Items": [item(3000), item(3000)]}),
                1.0,
            ),
            (
                "BatchGetItem",
                json!({"RequestItems": {"t": {"Keys": [1, 2, 3]}}}),
                json!({"Responses": {"t": [item(10), item(5000)]}}),
                4.0,
            ),
        ] {
            assert_eq!(
                units(&head(operation), &asked, &answer),
                (reads, 0.0),
                "{operation}"
            );
        }
    }

    #[test]
    fn round_trips_are_requests_that_follow_each_other() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let request = |(started, ended)| Request {
            started: at(started),
            ended: at(ended),
            reads: 1.0,
            writes: 0.0,
        };
        // Two at the same time, one after them, and a long one beside both.
        let requests = [(0, 10), (1, 11), (12, 20), (0, 30)].map(request);
        let meter = Meter {
            url: String::new(),
            requests: Arc::new(Mutex::new(requests.into())),
        };
        let cost = meter.cost_since(start);
        assert_eq!((cost.round_trips, cost.reads), (2, 4.0));
    }
}
