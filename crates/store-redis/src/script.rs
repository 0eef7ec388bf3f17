//! Requests to Redis: a command, or a Lua script with its keys.

use redis::{Cmd, ErrorKind, RedisResult, Script, ServerErrorKind, ToRedisArgs, Value};

use crate::connection::Connection;

pub(crate) enum RedisRequest {
    Command(Cmd),
    Script(ScriptCall),
}

/// A script and its SHA-1 digest.
pub(crate) struct Lua {
    code: String,
    digest: String,
}

/// A call of a script.
pub(crate) struct ScriptCall {
    script: &'static Lua,
    keys: Vec<String>,
    args: Cmd,
}

impl Lua {
    pub(crate) fn new(code: &str) -> Self {
        let digest = Script::new(code).get_hash().to_owned();
        Self {
            code: code.to_owned(),
            digest,
        }
    }

    /// A call of the script. `keys` are all keys that it uses.
    pub(crate) fn call(&'static self, keys: Vec<String>) -> ScriptCall {
        ScriptCall {
            script: self,
            keys,
            args: Cmd::new(),
        }
    }
}

impl ScriptCall {
    pub(crate) fn arg(mut self, value: impl ToRedisArgs) -> Self {
        self.args.arg(value);
        self
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(self.keys.len()).arg(&self.keys);
        for arg in self.args.args_iter() {
            if let redis::Arg::Simple(bytes) = arg {
                command.arg(bytes);
            }
        }
        command
    }
}

impl From<Cmd> for RedisRequest {
    fn from(command: Cmd) -> Self {
        Self::Command(command)
    }
}

impl From<ScriptCall> for RedisRequest {
    fn from(call: ScriptCall) -> Self {
        Self::Script(call)
    }
}

impl RedisRequest {
    /// Sends the request. A script is sent in full only to a server that does not know it: `EVAL` needs
    /// fewer rights than `SCRIPT LOAD`.
    pub(crate) async fn send(&self, connection: &mut Connection) -> RedisResult<Value> {
        let call = match self {
            Self::Command(command) => return connection.send(command).await,
            Self::Script(call) => call,
        };
        let by_digest = call.command("EVALSHA", &call.script.digest);
        match connection.send(&by_digest).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                let in_full = call.command("EVAL", &call.script.code);
                connection.send(&in_full).await
            }
            reply => reply,
        }
    }
}
