//! All processes of this machine at one moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::{Context, Result};

use super::{Ticks, stat::Stat};

/// The processes by their ids.
#[derive(Debug)]
pub(super) struct Processes(BTreeMap<u32, Stat>);

impl Processes {
    /// Those that run now.
    pub(super) fn now() -> Result<Self> {
        let entries = fs::read_dir("/proc").context("cannot read /proc, which the benchmarks need (Linux)")?;
        let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        // A process may end between the two looks at it.
        let stat = |id| Some((id, Stat::parse(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)?));
        Ok(Self(ids.filter_map(stat).collect()))
    }

    /// A process and all that descend from it.
    pub(super) fn tree(&self, root: u32) -> BTreeSet<u32> {
        let mut tree = BTreeSet::from([root]);
        loop {
            let children = self.0.iter().filter(|(id, stat)| tree.contains(&stat.parent) && !tree.contains(id));
            let children: Vec<u32> = children.map(|(id, _)| *id).collect();
            if children.is_empty() {
                return tree;
            }
            tree.extend(children);
        }
    }

    /// What the trees of `roots` have used of the processors.
    pub(super) fn cpu_of_trees(&self, roots: &[u32]) -> Ticks {
        roots.iter().flat_map(|root| self.tree(*root)).map(|id| self.cpu_of(id)).sum()
    }

    /// What the process `id`, without its living children, has used of the processors.
    pub(super) fn cpu_of(&self, id: u32) -> Ticks {
        self.0.get(&id).map_or(Ticks(0), |stat| stat.cpu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_grandchildren_and_no_strangers() {
        let stat = |parent, cpu| Stat { parent, cpu: Ticks(cpu) };
        let processes = Processes(BTreeMap::from([
            (1, stat(0, 1_000)),
            // A child may have a lower number than its parent: numbers start over.
            (5, stat(20, 4)),
            (10, stat(1, 1)),
            (20, stat(10, 2)),
            (30, stat(1, 500)),
        ]));
        assert_eq!(processes.tree(10), BTreeSet::from([5, 10, 20]));
        assert_eq!(processes.cpu_of_trees(&[10]), Ticks(7));
        assert_eq!(processes.cpu_of(10), Ticks(1));
    }

    #[test]
    fn this_process_is_among_them() {
        let processes = Processes::now().expect("Linux");
        assert!(processes.0.contains_key(&std::process::id()));
    }
}
