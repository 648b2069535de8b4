//! The location service.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::main(&location::SERVICE)
}
