//! The database servers that are lent to the tests: `lend-servers` of the testkit starts them once, for all test processes of a
//! run, and returns the URL of a fresh database for each connection to its socket.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail};

use crate::nextest::set_test_environment;
use crate::run::target;
use crate::test;

/// The variable from which the tests read the path of the socket. Without it, each test process starts its own servers.
const VARIABLE: &str = "DOORWARD_TEST_SERVERS";

/// The running `lend-servers`. It ends at the end of its input, which this program holds open: also if this program is
/// killed.
struct Lender {
    process: Child,
    socket: PathBuf,
}

static LENDER: Mutex<Option<Lender>> = Mutex::new(None);

/// Lends the servers to the tests that this command runs. The first call builds and starts them.
pub(crate) fn lend(tests: &mut Command) -> anyhow::Result<()> {
    let mut lender = LENDER.lock().unwrap_or_else(PoisonError::into_inner);
    if lender.is_none() {
        test::build()?;
        *lender = Some(Lender::start()?);
    }
    tests.envs(lender.iter().map(|lender| (VARIABLE, &lender.socket)));
    Ok(())
}

/// Ends the servers, if they were started.
pub(crate) fn end() {
    let lender = LENDER.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(mut lender) = lender {
        drop(lender.process.stdin.take());
        if let Err(error) = lender.process.wait() {
            eprintln!("xtask: the lent servers did not end: {error}");
        }
    }
}

impl Lender {
    fn start() -> anyhow::Result<Self> {
        let name = format!("doorward-servers-{}", std::process::id());
        let socket = std::env::temp_dir().join(name);
        let program = target().join("debug/lend-servers");
        let mut command = Command::new(&program);
        set_test_environment(&mut command);
        let mut process = command
            .arg(&socket)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let output = process.stdout.take().context("it was piped")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        if line.trim() != "ready" {
            bail!("{} ended before it was ready", program.display());
        }
        Ok(Self { process, socket })
    }
}
