//! Borrows from `lend-servers`, if the environment names its socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::Mutex;

use crate::tools::variable;

/// Open connections. Each is a loan, which ends with this process.
static LOANS: Mutex<Vec<UnixStream>> = Mutex::new(Vec::new());

/// The URL of a server or database of this kind, or the path of a data folder; `None` if this process starts its own. The
/// kinds are those of `lend.rs`.
pub(super) fn borrow(kind: &str) -> Option<String> {
    let socket = variable("DOORWARD_TEST_SERVERS")?;
    let mut connection = UnixStream::connect(&socket)
        .unwrap_or_else(|error| panic!("no lend-servers at {}: {error}", socket.display()));
    writeln!(connection, "{kind}").expect("lend-servers reads a line");
    let mut answer = String::new();
    let read = BufReader::new(&connection).read_line(&mut answer);
    read.expect("lend-servers answers with a line");
    assert!(
        answer.ends_with('\n'),
        "lend-servers has no {kind}; the reason is in its standard error"
    );
    LOANS.lock().unwrap().push(connection);
    Some(answer.trim_end().to_owned())
}
