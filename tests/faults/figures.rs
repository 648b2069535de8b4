//! What came of a fault, as a line of a table.

use std::{collections::BTreeMap, env, fs::OpenOptions, io::Write as _, time::Duration};

/// What came of a fault.
pub(crate) struct Figures {
    /// What was broken.
    pub(crate) fault: String,
    /// For how long.
    pub(crate) lasted: Duration,
    /// Requests sent, before, during and after it.
    pub(crate) sent: usize,
    /// How many of them failed, by status.
    pub(crate) failed: BTreeMap<String, usize>,
    /// The longest that an answer took.
    pub(crate) longest: Duration,
    /// From the end of the fault until the last request was sent that failed.
    pub(crate) recovery: Duration,
    /// Writes that were acknowledged.
    pub(crate) acknowledged: usize,
    /// Those of them that are not there.
    pub(crate) lost: usize,
}

impl Figures {
    /// Shows them, and adds them to the table that `make test` shows at its end.
    pub(crate) fn tell(&self) {
        let line = self.line();
        eprintln!("{line}");
        let Some(file) = env::var_os("TEST_FIGURES") else { return };
        let mut file = OpenOptions::new().append(true).create(true).open(file).unwrap();
        writeln!(file, "{line}").unwrap();
    }

    /// `| fault | lasted | sent | failed | longest | recovery | acknowledged writes, lost |`
    fn line(&self) -> String {
        let failed: Vec<_> = self.failed.iter().map(|(status, count)| format!("{status}: {count}")).collect();
        let failed = if failed.is_empty() { "0".to_owned() } else { failed.join(", ") };
        let Self { fault, sent, acknowledged, lost, .. } = self;
        let (lasted, longest, recovery) = (seconds(self.lasted), seconds(self.longest), seconds(self.recovery));
        format!("| {fault} | {lasted} | {sent} | {failed} | {longest} | {recovery} | {acknowledged} | {lost} |")
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}
