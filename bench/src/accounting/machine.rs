//! What all processes of the machine together have used, from `/proc/stat`.

use std::fs;

use anyhow::{Context, Result};

use super::Ticks;

/// The time that processes have used so far, and that which the hypervisor gave to other machines in place of this one.
/// Interrupts are in neither: what arrives over the network is counted there, whoever it is for.
pub(super) fn busy() -> Result<Ticks> {
    let text = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    parse(&text).context("/proc/stat does not begin with the times of the processors")
}

fn parse(text: &str) -> Option<Ticks> {
    let times: Vec<u64> = text.lines().next()?.strip_prefix("cpu ")?.split_whitespace().flat_map(str::parse).collect();
    let [user, nice, system, _idle, _waiting, _hard, _soft, stolen, ..] = times[..] else { return None };
    Some(Ticks(user + nice + system + stolen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_and_interrupts_are_not_busy() {
        let text = "cpu  100 20 3 90000 800 50 60 4 100 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n";
        assert_eq!(parse(text), Some(Ticks(127)));
        assert_eq!(parse("intr 1 2 3"), None);
    }
}
