//! The user service.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::main(&user::SERVICE)
}
