//! What `/proc/PID/stat` says of a process.

use super::Ticks;

/// The parent of a process, and the time it has spent on the processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) parent: u32,
    /// Its own time, and that of its children that have ended: a server may replace its workers.
    pub(super) cpu: Ticks,
}

impl Stat {
    /// Reads the file's text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // The second field is the program's name, which may contain anything.
        let (_, fields) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let cpu = fields.get(11..15)?.iter().map(|ticks| ticks.parse::<u64>()).sum::<Result<u64, _>>().ok()?;
        Some(Self { parent: fields.get(1)?.parse().ok()?, cpu: Ticks(cpu) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_of_ended_children_counts() {
        let line = "4711 (php-fpm: pool) S 4700 4700 4700 0 -1 4194560 1 2 3 4 100 20 7 3 20 0 1 0 12345 1 2 3";
        assert_eq!(Stat::parse(line), Some(Stat { parent: 4700, cpu: Ticks(130) }));
    }

    #[test]
    fn a_name_may_contain_anything() {
        let line = "1 (a) b) R 0 1 1 0 -1 0 0 0 0 0 1 2 3 4 20 0 1 0 5";
        assert_eq!(Stat::parse(line), Some(Stat { parent: 0, cpu: Ticks(10) }));
        assert_eq!(Stat::parse("1 (cut) R 0 1"), None);
    }
}
