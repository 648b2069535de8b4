//! The record as text, for a terminal.

use super::{Figures, Look, ServiceTimeline, State, Timeline};

/// In which order the states of a version are told.
const STATES: [State; 3] = [State::Starting, State::Ready, State::Stopping];

impl Timeline {
    /// For each service a line per second: its tasks at the end of it, how many of them the balancer sends requests to,
    /// and what came of the requests that were due in it. Marks are on lines of their own, before the second in which
    /// they are.
    pub(crate) fn table(&self) -> String {
        let versions = self.versions();
        let tasks = |service: &ServiceTimeline| {
            let looks = self.seconds().map(|second| service.look(&second).map(|look| told(look, &versions)));
            looks.map(|look| look.unwrap_or_else(unknown)).collect::<Vec<_>>()
        };
        let tasks = self.services.iter().map(tasks).collect::<Vec<_>>();
        let width = tasks.iter().flatten().map(|told| told.chars().count()).fold("tasks".len(), usize::max);

        let mut lines = vec![self.title.clone()];
        for (service, tasks) in self.services.iter().zip(&tasks) {
            lines.push(String::new());
            lines.push(format!("{}, {} tasks wanted", service.name, service.wanted));
            lines.push(format!("second  {:<width$}  balancer  requests  failed    p99 ms", "tasks"));
            for (number, (second, tasks)) in self.seconds().zip(tasks).enumerate() {
                for mark in self.marks.iter().filter(|mark| second.contains(&mark.at)) {
                    let at = (mark.at - self.from).as_secs_f64();
                    lines.push(format!("{at:>6.1}  ── {}", mark.what));
                }
                let Figures { requests, failed, p99 } = service.figures(&second);
                let balancer = service.look(&second).map_or_else(unknown, |look| look.ready.to_string());
                // A failure is to leap to the eye, which a figure among zeros does not.
                let failed = if failed == 0 { "·".to_owned() } else { failed.to_string() };
                let p99 = p99.map_or_else(unknown, |p99| format!("{:.1}", p99.as_secs_f64() * 1e3));
                lines
                    .push(format!("{number:>6}  {tasks:<width$}  {balancer:>8}  {requests:>8}  {failed:>6}  {p99:>8}"));
            }
        }
        lines.join("\n") + "\n"
    }
}

/// Tasks in words, versions in this order: "v1 2 ready 2 stopping, v2 2 starting".
fn told(look: &Look, versions: &[&str]) -> String {
    let of_version = |version: &&str| {
        let counts = STATES.map(|state| (look.count(version, state), state.told()));
        let words = counts.iter().filter(|(count, _)| *count > 0).map(|(count, state)| format!("{count} {state}"));
        let words = words.collect::<Vec<_>>();
        (!words.is_empty()).then(|| format!("{version} {}", words.join(" ")))
    };
    let told = versions.iter().filter_map(of_version).collect::<Vec<_>>();
    if told.is_empty() { "none".to_owned() } else { told.join(", ") }
}

/// What is told where nobody looked, or nothing was asked.
fn unknown() -> String {
    "–".to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::{
        Timeline,
        sample::{halves, with_failures},
    };

    /// The lines that begin with this.
    fn lines(timeline: &Timeline, begin: &str) -> Vec<String> {
        timeline.table().lines().filter(|line| line.starts_with(begin)).map(str::to_owned).collect()
    }

    #[test]
    fn each_second_of_each_service_has_a_line() {
        let table = halves().table();
        let figures =
            |line: &&str| line.trim_start().starts_with(|first: char| first.is_ascii_digit()) && !line.contains('─');
        assert_eq!(table.lines().filter(figures).count(), 2 * 24);
    }

    #[test]
    fn a_line_tells_tasks_and_what_came_of_the_requests() {
        let timeline = halves();
        assert_eq!(
            lines(&timeline, "    10  "),
            ["    10  v1 2 ready 2 stopping, v2 2 ready         4        10       ·      20.0"; 2],
        );
        assert_eq!(
            lines(&timeline, "     0  "),
            ["     0  v1 4 ready                                4        10       ·      10.0"; 2],
        );
    }

    #[test]
    fn failures_are_counted_in_their_second() {
        let timeline = with_failures();
        assert_eq!(
            lines(&timeline, "    10  ")[0],
            "    10  v1 2 ready 2 stopping, v2 2 ready         4        10       2    2000.0"
        );
        assert!(lines(&timeline, "    11  ")[0].contains("  ·  "));
    }

    #[test]
    fn marks_are_before_the_second_in_which_they_are() {
        let table = halves().table();
        let lines = table.lines().collect::<Vec<_>>();
        let mark = lines.iter().position(|line| *line == "   4.0  ── update to v2 begins").unwrap();
        assert!(lines[mark - 1].starts_with("     3  "));
        assert!(lines[mark + 1].starts_with("     4  "));
    }

    #[test]
    fn what_is_not_known_is_not_made_up() {
        let mut timeline = halves();
        timeline.services[0].looks.clear();
        timeline.services[0].requests.clear();
        let line = &lines(&timeline, "    10  ")[0];
        assert_eq!(line.split_whitespace().collect::<Vec<_>>(), ["10", "–", "–", "0", "·", "–"]);
    }

    #[test]
    fn columns_are_aligned() {
        let table = with_failures().table();
        let figures = table.lines().filter(|line| line.starts_with("  ") && !line.contains('─'));
        let widths = figures.map(|line| line.chars().count()).collect::<Vec<_>>();
        let heads = table.lines().filter(|line| line.starts_with("second")).map(|line| line.chars().count());
        assert!(widths.iter().copied().chain(heads).all(|width| width == widths[0] && width <= 100), "{table}");
    }
}
