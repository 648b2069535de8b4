//! How much memory processes keep.

use std::fs;

use anyhow::{Context as _, Result};

use super::processes::Processes;

/// The resident memory of the trees of `roots` in bytes. Pages that several processes share count once: each has its
/// part of them.
pub(crate) fn resident(roots: &[u32]) -> Result<u64> {
    let processes = Processes::now()?;
    let ids = roots.iter().flat_map(|root| processes.tree(*root));
    Ok(ids.filter_map(of_process).sum())
}

/// The most memory that a process has had resident since it started, in bytes.
pub(crate) fn peak(id: u32) -> Result<u64> {
    field(id, "status", "VmHWM:").with_context(|| format!("the kernel does not tell the memory of process {id}"))
}

fn of_process(id: u32) -> Option<u64> {
    // The former is closed to us where the process runs as somebody else.
    field(id, "smaps_rollup", "Pss:").or_else(|| field(id, "status", "VmRSS:"))
}

/// A number of bytes in a file of a process.
fn field(id: u32, file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/{file}")).ok()?;
    Some(1024 * kibibytes(&text, name)?)
}

fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "Rss:   900 kB\nPss:                1234 kB\nPss_Dirty: 5 kB\n";
        assert_eq!(kibibytes(text, "Pss:"), Some(1234));
        assert_eq!(kibibytes(text, "Swap:"), None);
    }

    #[test]
    fn this_process_keeps_some_memory() {
        let us = std::process::id();
        let (now, most) = (resident(&[us]).expect("Linux"), peak(us).expect("Linux"));
        assert!(100_000 < now && now <= most, "{now} of {most}");
    }
}
