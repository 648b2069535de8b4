//! How much is tried, and for how long.

use std::env;

/// Whether this is the long form, of `make test-failures`.
pub fn is_long() -> bool {
    env::var_os("TEST_LONG").is_some_and(|value| !value.is_empty())
}

/// `short`, or `long` in the long form.
pub fn choose<T>(short: T, long: T) -> T {
    if is_long() { long } else { short }
}
