//! What each release changes. Its edits find the sources as the release before has left them.
//!
//! Both servers carry out the parts of a statement from left to right, so that a column can be set to what another one
//! has just been set to.

/// What one release changes.
pub(super) struct Change {
    /// The release's name.
    pub(super) name: &'static str,
    /// The file of its migration and what is in it, if it has one.
    pub(super) migration: Option<(&'static str, &'static str)>,
    /// What is different in its code.
    pub(super) edits: &'static [Edit],
}

/// A text that is replaced by another one.
pub(super) struct Edit {
    /// The file, in the folder `services/location`.
    pub(super) file: &'static str,
    /// The text, which has to be there exactly once.
    pub(super) from: &'static str,
    /// What is there afterwards.
    pub(super) to: &'static str,
}

const STORE: &str = "src/store.rs";
const SEED: &str = "src/seed.rs";

const ADD: &str = "\
-- Without a default: releases that do not know the column have to be able to insert. INSTANT: where the server would
-- have to copy the table, and to block it meanwhile, this fails instead.
ALTER TABLE locations ADD COLUMN admin1 VARCHAR(20), ALGORITHM = INSTANT;
";

const FILL: &str = "\
-- All rows, also those that have a value: a release that does not know the column may have changed their region since.
-- A condition would spare no work, as each row is looked at either way, and one that stays as it is is not written. And
-- `admin1 <=> region` would not do as one: in this collation 'a' equals 'A'.
--
-- Whoever changes a row waits for the end of this, a quarter of a second for 34,000 rows; the service gives up after
-- 3 s. Larger tables are filled beforehand, by ranges of ids with a transaction each: nobody waits for long, replicas
-- keep up, and what fails costs one range.
UPDATE locations SET admin1 = region;
";

const DROP: &str = "\
-- No task names the column any more: the last ones that did were of the release before the one that runs.
ALTER TABLE locations DROP COLUMN region, ALGORITHM = INSTANT;
";

/// The releases, in order.
pub(super) const CHANGES: [Change; 4] = [
    Change {
        name: "expand",
        migration: Some(("0103_add_admin1.sql", ADD)),
        edits: &[
            edit(
                STORE,
                "(name, country, region, latitude, longitude, population, timezone, cell)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                "(name, country, region, admin1, latitude, longitude, population, timezone, cell)
         VALUES (?, ?, ?, region, ?, ?, ?, ?, ?)",
            ),
            edit(STORE, "region = ?, latitude", "region = ?, admin1 = region, latitude"),
            edit(SEED, "(id, name, country, region, latitude", "(id, name, country, region, admin1, latitude"),
            edit(SEED, ".push_bind(&place.region)", ".push_bind(&place.region)\n            .push(\"region\")"),
        ],
    },
    Change {
        name: "switch",
        migration: Some(("0104_fill_admin1.sql", FILL)),
        edits: &[edit(STORE, "version, name, country, region", "version, name, country, admin1 AS region")],
    },
    Change {
        name: "retire",
        migration: None,
        edits: &[
            edit(
                STORE,
                "(name, country, region, admin1, latitude, longitude, population, timezone, cell)
         VALUES (?, ?, ?, region, ?, ?, ?, ?, ?)",
                "(name, country, admin1, latitude, longitude, population, timezone, cell)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            ),
            edit(STORE, "region = ?, admin1 = region", "admin1 = ?"),
            edit(SEED, "region, admin1", "admin1"),
            edit(SEED, ".push_bind(&place.region)\n            .push(\"region\")", ".push_bind(&place.region)"),
        ],
    },
    Change { name: "contract", migration: Some(("0105_drop_region.sql", DROP)), edits: &[] },
];

const fn edit(file: &'static str, from: &'static str, to: &'static str) -> Edit {
    Edit { file, from, to }
}
