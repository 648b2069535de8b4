//! What came of a `cargo test`, read from its output.

/// The totals of all test binaries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Their names, where they are known.
    pub failures: Vec<String>,
    /// Tests that were ignored, each with its reason.
    pub ignored: Vec<String>,
    /// The names since the last `failures:`, of which a binary's last one begins the list of those that failed.
    listed: Vec<String>,
}

impl Summary {
    /// Takes up a line of cargo's standard output.
    pub fn read(&mut self, line: &str) {
        let line = without_colours(line);
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.passed += count(counts, "passed");
            let failed = count(counts, "failed");
            self.failed += failed;
            // Where none failed, what looks like a name is something that a test printed.
            let names = std::mem::take(&mut self.listed);
            self.failures.extend(names.into_iter().filter(|_| failed > 0));
        } else if line == "failures:" {
            self.listed.clear();
        } else if let Some(name) = line.strip_prefix("    ").filter(|name| !name.contains(' ') && !name.is_empty()) {
            self.listed.push(name.to_owned());
        } else if let Some((name, reason)) = ignored(&line) {
            self.ignored.push(format!("{name}: {reason}"));
        }
    }
}

/// The number before `word` in `ok. 12 passed; 0 failed; …`.
fn count(counts: &str, word: &str) -> u64 {
    let words: Vec<&str> = counts.split([' ', ';']).collect();
    words.windows(2).find(|pair| pair[1] == word).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

/// Name and reason in `test NAME ... ignored, REASON`.
fn ignored(line: &str) -> Option<(&str, &str)> {
    let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let reason = outcome.strip_prefix("ignored")?;
    Some((name, reason.strip_prefix(", ").unwrap_or("ignored without a reason")))
}

fn without_colours(line: &str) -> String {
    let mut pieces = line.split('\x1b');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once('m').map_or("", |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_summed_over_the_binaries() {
        let mut summary = Summary::default();
        for line in [
            "running 3 tests",
            "test places::nearest ... ok",
            "test engine::pull ... ignored, needs a registry",
            "test slow ... ignored",
            "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "failures:",
            "---- places::far stdout ----",
            "    printed",
            "failures:",
            "    places::far",
            "",
            "test result: \x1b[31mFAILED\x1b[0m. 10 passed; 1 failed; 0 ignored; 0 measured; 4 filtered out; finished in 0.01s",
        ] {
            summary.read(line);
        }
        assert_eq!((summary.passed, summary.failed), (12, 1));
        assert_eq!(summary.failures, ["places::far"]);
        assert_eq!(summary.ignored, ["engine::pull: needs a registry", "slow: ignored without a reason"]);
    }
}
