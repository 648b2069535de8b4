//! Where a service listens.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use crate::settings::Reader;

/// The address and port a service listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(SocketAddr);

impl Address {
    /// Reads `HOST` and `PORT`.
    pub fn read(default_port: u16, reader: &mut Reader) -> Self {
        let host = reader.or("HOST", IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Self(SocketAddr::new(host, reader.or("PORT", default_port)))
    }

    /// The socket address.
    #[must_use]
    pub fn socket(self) -> SocketAddr {
        self.0
    }

    /// How a process on the same machine reaches it: `0.0.0.0` is an address to listen on, not one to call.
    #[must_use]
    pub fn from_here(self) -> SocketAddr {
        let mut address = self.0;
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        address
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
