//! Whole numbers.

use std::{fmt, num::NonZeroU16, str::FromStr};

/// How many there are of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub usize);

impl FromStr for Count {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // What is larger than any number of this machine is beyond all bounds as well.
        if digits { Ok(Self(text.parse().unwrap_or(usize::MAX))) } else { Err("not a whole number") }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A TCP port that can be named: 0 stands for whichever is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port(NonZeroU16);

impl Port {
    /// The port of that number.
    ///
    /// # Panics
    /// Where it is 0.
    #[must_use]
    pub const fn new(number: u16) -> Self {
        match NonZeroU16::new(number) {
            Some(number) => Self(number),
            None => panic!("0 is no port"),
        }
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0.get()
    }
}

impl FromStr for Port {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(number) if plain => Ok(Self(number)),
            _ if text.contains("://") => Err(
                "not a port, a number from 1 to 65535, but a URL: Docker's links and Kubernetes' service links set a \
                 variable of this name for a service that is called like it; set it to the number yourself, or leave the \
                 links out (enableServiceLinks: false)",
            ),
            _ => Err("not a port, a number from 1 to 65535"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_number_that_can_be_connected_to() {
        assert_eq!("8081".parse(), Ok(Port::new(8081)));
        for wrong in ["0", "65536", "-1", "+80", "80 81", "http", "", "8081/tcp"] {
            assert!(wrong.parse::<Port>().is_err(), "{wrong:?} was taken");
        }
        let link = "tcp://10.0.0.7:3306".parse::<Port>().expect_err("a URL");
        assert!(link.contains("service links") && !link.contains("10.0.0.7"), "{link}");
    }
}
