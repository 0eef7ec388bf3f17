//! The binary: all of it is in the library beside, where the fuzzer can reach it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    doorward::main()
}
