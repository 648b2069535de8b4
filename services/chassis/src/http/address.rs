//! Where a service listens.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _},
    str::FromStr,
};

use crate::settings::{Port, Reader};

/// The address and port a service listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(SocketAddr);

impl Address {
    /// Reads `HOST` and `PORT`.
    pub fn read(default_port: u16, reader: &mut Reader) -> Self {
        let Interface(mut address) = reader.or("HOST", Interface(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0)));
        address.set_port(reader.or("PORT", Port::new(default_port)).get());
        Self(address)
    }

    /// The socket address.
    #[must_use]
    pub fn socket(self) -> SocketAddr {
        self.0
    }

    /// Where a process on the same machine finds it, the likeliest first: `0.0.0.0` and `::` are addresses to listen on,
    /// not ones to call. Behind `::` are both loopback addresses, or only one: IPv4 where the machine has no IPv6 on its
    /// loopback interface, IPv6 where `net.ipv6.bindv6only` is set.
    #[must_use]
    pub fn reachable_at(self) -> Vec<SocketAddr> {
        let loopback: &[IpAddr] = match self.0.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => &[IpAddr::V4(Ipv4Addr::LOCALHOST)],
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => &[IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)],
            _ => return vec![self.0],
        };
        loopback.iter().map(|ip| SocketAddr::new(*ip, self.0.port())).collect()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An IP address of this machine, without a port yet. A link-local one has its interface: `fe80::1%eth0`.
struct Interface(SocketAddr);

impl FromStr for Interface {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        let (ip, zone) = bare.split_once('%').map_or((bare, None), |(ip, zone)| (ip, Some(zone)));
        match (ip.parse(), zone) {
            (Ok(ip), None) => Ok(Self(SocketAddr::new(ip, 0))),
            // The system knows the interfaces by their names.
            (Ok(IpAddr::V6(_)), Some(_)) => {
                let found = (bare, 0).to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
                found.map(Self).ok_or("names a network interface that this machine does not have")
            }
            _ => Err(
                "not an IP address to listen on: 0.0.0.0 (all, the default), :: (all, with IPv6) or one of this machine's. \
                 csh, tcsh and conda set HOST to a kind or name of machine: unset it, or start with `env -u HOST`",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(host: &'static str) -> (Address, Reader) {
        let mut reader = Reader::new(move |name| (name == "HOST").then(|| host.to_owned()));
        (Address::read(8081, &mut reader), reader)
    }

    #[test]
    fn a_service_is_found_reachable_at_at_the_address_that_it_listens_on() {
        for (host, listens, found) in [
            ("", "0.0.0.0:8081", &["127.0.0.1:8081"][..]),
            ("0.0.0.0", "0.0.0.0:8081", &["127.0.0.1:8081"]),
            ("127.0.0.2", "127.0.0.2:8081", &["127.0.0.2:8081"]),
            ("::", "[::]:8081", &["[::1]:8081", "127.0.0.1:8081"]),
            ("[::]", "[::]:8081", &["[::1]:8081", "127.0.0.1:8081"]),
            ("::1", "[::1]:8081", &["[::1]:8081"]),
            ("fe80::1%1", "[fe80::1%1]:8081", &["[fe80::1%1]:8081"]),
            ("fe80::1%lo", "[fe80::1%1]:8081", &["[fe80::1%1]:8081"]),
        ] {
            let (address, mut reader) = read(host);
            assert_eq!(reader.finish(), Ok(()), "{host}");
            assert_eq!(address.to_string(), listens);
            assert_eq!(address.reachable_at().iter().map(ToString::to_string).collect::<Vec<_>>(), found, "{host}");
        }
    }

    #[test]
    fn a_host_that_a_shell_has_set_is_told_from_an_address() {
        for host in [
            "x86_64-linux",
            "x86_64-conda-linux-gnu",
            "hunter2",
            "localhost",
            "http://hunter2",
            "10.0.0.256",
            "::1:8081x",
        ] {
            let told = read(host).1.finish().expect_err(host).to_string();
            assert!(told.contains("HOST: not an IP address") && told.contains("csh"), "{told}");
            assert!(told.contains("unset it") && !told.contains("hunter2") && !told.contains("x86_64"), "{told}");
        }
        let told = read("fe80::1%nowhere").1.finish().expect_err("no such interface").to_string();
        assert!(told.contains("HOST: names a network interface"), "{told}");
    }
}
