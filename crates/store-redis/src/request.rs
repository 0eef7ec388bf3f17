//! What Redis is asked: a command, or a script with its keys.

use redis::{Cmd, ErrorKind, RedisResult, Script, ServerErrorKind, ToRedisArgs, Value};

use crate::connect::Connection;
use crate::primaries;

/// Whether a request whose answer was lost may be sent once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Twice is as good as once.
    Harmless,
    /// Twice is as good as once for a script that is told: `again` is then its last argument.
    WhenTold,
    /// Twice is not once: the caller decides.
    Never,
}

pub(crate) enum Request {
    Command(Cmd),
    /// Whether each server that keeps something takes writes; tried on keys that are never there and
    /// begin so.
    TryEach(String),
    Script(ScriptCall),
}

#[derive(Clone)]
pub(crate) struct ScriptCall {
    script: &'static Lua,
    keys: Vec<String>,
    rest: Cmd,
}

/// A script and its name, which is its digest.
pub(crate) struct Lua {
    code: String,
    name: String,
}

impl Lua {
    pub(crate) fn new(code: &str) -> Self {
        let name = Script::new(code).get_hash().to_owned();
        Self {
            code: code.to_owned(),
            name,
        }
    }

    /// A call of it. Every key it touches is among `keys`.
    pub(crate) fn call(&'static self, keys: Vec<String>) -> ScriptCall {
        ScriptCall {
            script: self,
            keys,
            rest: Cmd::new(),
        }
    }
}

impl ScriptCall {
    pub(crate) fn arg(mut self, value: impl ToRedisArgs) -> Self {
        self.rest.arg(value);
        self
    }

    fn command(&self, name: &str, which: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(which).arg(self.keys.len()).arg(&self.keys);
        for arg in self.rest.args_iter() {
            if let redis::Arg::Simple(bytes) = arg {
                command.arg(bytes);
            }
        }
        command
    }
}

impl From<Cmd> for Request {
    fn from(command: Cmd) -> Self {
        Self::Command(command)
    }
}

impl From<ScriptCall> for Request {
    fn from(call: ScriptCall) -> Self {
        Self::Script(call)
    }
}

impl Request {
    /// The same, for who may have heard it before.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Command(command) => Self::Command(command.clone()),
            Self::TryEach(name) => Self::TryEach(name.clone()),
            Self::Script(call) => Self::Script(call.clone().arg("again")),
        }
    }

    /// Asks. A script is named, and told in full where the server does not know it yet.
    pub(crate) async fn send(&self, connection: &mut Connection) -> RedisResult<Value> {
        let call = match self {
            Self::Command(command) => return connection.send(command).await,
            Self::TryEach(name) => return primaries::try_each(connection, name).await,
            Self::Script(call) => call,
        };
        let named = call.command("EVALSHA", &call.script.name);
        match connection.send(&named).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                let told = call.command("EVAL", &call.script.code);
                connection.send(&told).await
            }
            answer => answer,
        }
    }
}
