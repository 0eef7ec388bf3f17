//! The binary. All code is in the library, where the fuzzer can call it.

use std::process::ExitCode;

fn main() -> ExitCode {
    doorward::main()
}
