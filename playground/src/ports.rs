//! TCP ports on this machine: free ones, and who holds the others.

use std::{
    fs,
    io::{self, ErrorKind},
    net::{Ipv4Addr, TcpListener},
    path::Path,
    sync::atomic::{AtomicU16, Ordering},
};

use anyhow::{Result, anyhow, bail};

// Below the range from which the kernel takes ports for outgoing connections (32768 and up on Linux), so that no
// connection can take a port between our finding it free and a server's listening on it.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port on which nobody listens on 127.0.0.1, and never the same twice in a row. Processes start looking at
/// different places.
pub fn free() -> Result<u16> {
    let start = std::process::id() % u32::from(COUNT);
    for _ in 0..COUNT {
        let offset = start.wrapping_mul(7919) + u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = FIRST + u16::try_from(offset % u32::from(COUNT))?;
        if is_free(port) {
            return Ok(port);
        }
    }
    bail!("no free port between {FIRST} and {}: stop some of the servers on this machine", FIRST + COUNT)
}

/// The port that the value of `variable` names.
pub fn parse(value: &str, variable: &str) -> Result<u16> {
    match value.trim().parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => bail!("{variable} is no port: {value} (give a number from 1 to 65535)"),
    }
}

/// Fails unless a service can listen on `port`, with the reason and `variable` as the remedy.
pub fn require(port: u16, variable: &str) -> Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) => Err(refusal(port, variable, &error)),
    }
}

fn refusal(port: u16, variable: &str, error: &io::Error) -> anyhow::Error {
    match (error.kind(), holder(port)) {
        (ErrorKind::AddrInUse, Some((pid, name))) => anyhow!(
            "port {port} is taken by {name} (process {pid}): stop it (`kill {pid}`), or choose another port with {variable}=…"
        ),
        (ErrorKind::AddrInUse, None) => anyhow!(
            "port {port} is taken, perhaps by a process of another user: stop it, or choose another port with {variable}=…"
        ),
        (ErrorKind::PermissionDenied, _) => anyhow!(
            "no permission to listen on port {port}: ports below 1024 are for root, so choose another port with {variable}=…"
        ),
        _ => anyhow!("cannot listen on port {port} of 127.0.0.1 ({error}): choose another port with {variable}=…"),
    }
}

/// Whether nobody listens on `port` of 127.0.0.1.
#[must_use]
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// The process that listens on `port`, when Linux lets us see it.
fn holder(port: u16) -> Option<(u32, String)> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|file| fs::read_to_string(file).unwrap_or_default());
    let inodes: Vec<u64> = tables.iter().flat_map(|table| listeners(table, port)).collect();
    let links: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if has_open(&process.path(), &links) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some((pid, name.trim().to_owned()));
        }
    }
    None
}

fn has_open(process: &Path, links: &[String]) -> bool {
    let Ok(descriptors) = fs::read_dir(process.join("fd")) else {
        return false;
    };
    descriptors
        .flatten()
        .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
        .any(|target| links.iter().any(|link| target.as_os_str() == link.as_str()))
}

/// The socket inodes that listen on `port` in a table of the form of `/proc/net/tcp`.
fn listeners(table: &str, port: u16) -> impl Iterator<Item = u64> {
    const LISTEN: &str = "0A";
    table.lines().skip(1).filter_map(move |line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
        let listens = *fields.get(3)? == LISTEN && u16::from_str_radix(local_port, 16).ok()? == port;
        if listens { fields.get(9)?.parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_found_by_its_port_and_a_connection_is_not() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0\n\
            1: 0100007F:1F91 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 20 4\n\
            2: 0100007F:1F92 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0\n";
        assert_eq!(listeners(table, 8081).collect::<Vec<_>>(), [4711]);
    }

    #[test]
    fn a_taken_port_is_refused_with_its_holder() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let refusal = require(port, "SOME_PORT").expect_err("taken").to_string();
        assert!(refusal.contains(&port.to_string()) && refusal.contains("SOME_PORT=…"), "{refusal}");
        #[cfg(target_os = "linux")]
        assert!(refusal.contains(&std::process::id().to_string()), "{refusal}");
    }

    #[test]
    fn a_refusal_names_the_reason_and_the_variable() {
        for (kind, reason) in [
            (ErrorKind::PermissionDenied, "no permission to listen on port 80"),
            (ErrorKind::AddrInUse, "port 80 is taken"),
            (ErrorKind::AddrNotAvailable, "cannot listen on port 80 of 127.0.0.1"),
        ] {
            let told = refusal(80, "LOCATION_PORT", &kind.into()).to_string();
            assert!(told.contains(reason) && told.contains("LOCATION_PORT=…"), "{told}");
            assert_eq!(told.contains("taken"), kind == ErrorKind::AddrInUse, "{told}");
        }
    }

    #[test]
    fn only_numbers_that_a_service_can_listen_on_are_ports() {
        assert_eq!(parse("8081", "PORT").expect("a port"), 8081);
        for value in ["0", "-1", "65536", "http", "8081/tcp", "tcp://10.0.0.1:8081"] {
            let told = parse(value, "USER_PORT").expect_err(value).to_string();
            assert!(told.contains("USER_PORT") && told.contains("1 to 65535"), "{told}");
        }
    }

    #[test]
    fn free_ports_differ() {
        assert_ne!(free().expect("a port"), free().expect("another"));
    }
}
