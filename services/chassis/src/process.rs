//! What the operating system grants the process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are open beside the connections of clients and to the database: logs, timers, wake-ups of the workers.
const OTHER_FILES: u64 = 64;

/// Raises the number of files that may be open, connections included, to the most that is granted. Many systems set it
/// to 1,024 for programs that would fail with more, and leave it to the others to ask. Gives how many clients may be
/// connected beside so many connections to the database.
pub(crate) fn open_as_many_files_as_granted(database_connections: usize) -> usize {
    let granted = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: granted.maximum, ..granted });
    // macOS says that it grants what it does not.
    let files = if raised.is_ok() { granted.maximum } else { granted.current };
    let database_connections = u64::try_from(database_connections).unwrap_or(u64::MAX);
    let left = files.unwrap_or(u64::MAX).saturating_sub(OTHER_FILES).saturating_sub(database_connections);
    usize::try_from(left).unwrap_or(usize::MAX).max(1)
}

/// Keeps the secrets in this process's memory and environment from being read there: no core dump is written of it, and no
/// other process of its user can look into it. Debuggers and profilers need root from here on.
pub(crate) fn keep_memory_private() {
    #[cfg(target_os = "linux")]
    {
        // Nothing is refused here that could be done about.
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    }
}
