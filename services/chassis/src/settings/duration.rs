//! Lengths of time as people write them.

use std::{fmt, str::FromStr, time::Duration};

use jiff::SignedDuration;

/// A length of time, written with its unit: `500ms`, `5s`, `1m 30s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Duration);

impl Period {
    /// That many whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// That many milliseconds.
    #[must_use]
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<SignedDuration>()
            .ok()
            .and_then(|duration| Duration::try_from(duration).ok())
            .map(Self)
            .ok_or_else(|| "not a length of time; write it with its unit, as in 500ms, 5s or 2m".to_owned())
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_need_a_unit() {
        assert_eq!("500ms".parse(), Ok(Period(Duration::from_millis(500))));
        assert_eq!("0s".parse(), Ok(Period::from_secs(0)));
        assert_eq!("2.9s".parse(), Ok(Period::from_millis(2900)));
        assert_eq!("1m 30s".parse(), Ok(Period::from_secs(90)));
        for wrong in ["5", "five seconds", "-5s", "5 parsecs", "99999999999999999999h", ""] {
            assert!(wrong.parse::<Period>().is_err(), "{wrong:?} was taken");
        }
    }
}
