//! Brings the tables up to date: a one-off task before a rollout, never something that every replica does.

use std::{borrow::Cow, collections::BTreeMap, time::Instant};

use sqlx::{
    AssertSqlSafe, Connection as _, MySqlConnection,
    migrate::{AppliedMigration, Migrate as _, MigrateError, Migration, Migrator},
};

use super::{Settings, TaskError, connect, error::advice};
use crate::settings::Period;

/// The tables of the chassis itself; their version numbers are 1 to 99, a service's own begin above that.
static CHASSIS: Migrator = sqlx::migrate!();

/// The last version number of the chassis.
const LAST_OF_CHASSIS: i64 = 99;

/// The table in which sqlx keeps which migrations were applied.
const TABLE: &str = "_sqlx_migrations";

/// Why a migration did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached, or refuses a statement outside of a migration.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Another migration holds the lock.
    #[error("another migration of this database has been at it for {0}; look whether it still runs, then try again")]
    Locked(Period),
    /// A migration was interrupted.
    #[error(
        "migration {version} was begun before and did not end: it is not known whether it has changed anything. Compare \
         the tables (SHOW CREATE TABLE) with its SQL, below. If they have its change: `UPDATE _sqlx_migrations SET success \
         = TRUE WHERE version = {version}`. If they do not: `DELETE FROM _sqlx_migrations WHERE version = {version}`. Then \
         run `migrate` again.\n{sql}"
    )]
    HalfDone {
        /// Its version.
        version: i64,
        /// Its statements.
        sql: String,
    },
    /// A migration failed, and nothing has changed.
    #[error("migration {0} failed and changed nothing: remove the cause, then run `migrate` again{remedy}", remedy = advice(.1))]
    Failed(i64, #[source] sqlx::Error),
    /// A migration failed, and may have changed something.
    #[error(
        "migration {version} failed and may have changed something{}. Remove the cause, and compare the tables (SHOW \
         CREATE TABLE) with its SQL, below: undo what it did, `DELETE FROM _sqlx_migrations WHERE version = {version}`, and \
         run `migrate` again; or carry out the rest, and `UPDATE _sqlx_migrations SET success = TRUE WHERE version = \
         {version}`.\n{sql}\nThe cause",
        advice(.source)
    )]
    FailedHalfWay {
        /// Its version.
        version: i64,
        /// Its statements.
        sql: String,
        /// Why.
        source: sqlx::Error,
    },
    /// The database has a migration that this release lacks, in the midst of those that it has.
    #[error(
        "migration {0} was applied to this database, and this release lacks it although it has later ones: see whether \
         DB_NAME is the database of this service, and deploy a release that has the migration"
    )]
    Unknown(i64),
    /// The database has another migration of that version.
    #[error(
        "migration {0} of this database has another text than in this release: see whether DB_NAME is the database of \
         this service. A migration that was applied is never edited; a new one corrects it"
    )]
    Edited(i64),
    /// sqlx refused the migrations.
    #[error("the tables could not be brought up to date")]
    Refused(#[source] MigrateError),
}

/// Brings the tables up to date, one process at a time; does nothing where they are, or where a later release has
/// changed them already.
///
/// `superseded_checksums` holds versions whose text was changed after a release, with the checksum of the earlier text.
pub async fn run(
    own: &Migrator,
    superseded_checksums: &[(i64, &str)],
    settings: &Settings,
    lock_timeout: Period,
) -> Result<(), Error> {
    let started = Instant::now();
    let refused = TaskError::refused(settings);
    let mut connection = connect(settings).await?;
    if !lock(&mut connection, lock_timeout).await.map_err(&refused)? {
        return Err(Error::Locked(lock_timeout));
    }
    let outcome = apply(own, superseded_checksums, &mut connection, &refused).await;
    // Closing the connection frees the lock, whatever happened.
    let closed = connection.close().await;
    let newer = outcome?;
    closed.map_err(&refused)?;
    let elapsed = started.elapsed();
    match newer {
        0 => tracing::info!(database = %settings, ?elapsed, "the tables are up to date"),
        newer => tracing::info!(
            database = %settings,
            ?elapsed,
            newer,
            "the schema is newer: a later release has changed it, which this release works with"
        ),
    }
    Ok(())
}

/// Applies what is missing; returns the number of migrations of later releases.
async fn apply(
    own: &Migrator,
    superseded_checksums: &[(i64, &str)],
    connection: &mut MySqlConnection,
    refused: &impl Fn(sqlx::Error) -> TaskError,
) -> Result<usize, Error> {
    let refused = |error| match error {
        MigrateError::Execute(error) => Error::Task(refused(error)),
        other => Error::Refused(other),
    };
    connection.ensure_migrations_table(TABLE).await.map_err(refused)?;
    let applied = connection.list_applied_migrations(TABLE).await.map_err(refused)?;
    let mut migrations: Vec<Migration> = CHASSIS.iter().chain(own.iter()).cloned().collect();
    let newer = newer(&migrations, &applied)?;
    accept_earlier_wordings(&mut migrations, &applied, superseded_checksums);
    let texts: BTreeMap<i64, String> =
        migrations.iter().map(|migration| (migration.version, without_comments(migration.sql.as_str()))).collect();
    let text = |version| texts.get(&version).cloned().unwrap_or_default();
    let mut migrator = Migrator::with_migrations(migrations);
    // The lock that sqlx would take waits without a limit; what may be missing is decided above.
    migrator.set_locking(false).set_ignore_missing(true);
    match migrator.run(&mut *connection).await {
        Ok(()) => Ok(newer),
        Err(MigrateError::Dirty(version)) => Err(Error::HalfDone { version, sql: text(version) }),
        Err(MigrateError::VersionMismatch(version)) => Err(Error::Edited(version)),
        Err(MigrateError::ExecuteMigration(error, version)) => {
            Err(failed(connection, version, text(version), error).await)
        }
        Err(error) => Err(refused(error)),
    }
}

/// The number of migrations that a later release has applied. One that is unknown and not the latest of its kind is of
/// another service, or of a branch that was never released.
fn newer(known: &[Migration], applied: &[AppliedMigration]) -> Result<usize, Error> {
    let of_chassis = |version: i64| version <= LAST_OF_CHASSIS;
    let mut newer = 0;
    for AppliedMigration { version, .. } in applied {
        let latest = known.iter().map(|known| known.version).filter(|known| of_chassis(*known) == of_chassis(*version));
        if known.iter().any(|known| known.version == *version) {
            continue;
        }
        if Some(*version) < latest.max() {
            return Err(Error::Unknown(*version));
        }
        newer += 1;
    }
    Ok(newer)
}

/// Gives migrations that were applied in an earlier wording of the same effect the checksum of that wording.
fn accept_earlier_wordings(migrations: &mut [Migration], applied: &[AppliedMigration], earlier: &[(i64, &str)]) {
    for AppliedMigration { version, checksum } in applied {
        if earlier.contains(&(*version, hex::encode(checksum).as_str()))
            && let Some(migration) = migrations.iter_mut().find(|migration| migration.version == *version)
        {
            migration.checksum = Cow::Owned(checksum.to_vec());
        }
    }
}

/// A migration of one statement that failed has changed nothing, as both servers carry out such a statement wholly or not
/// at all: its row is removed, so that it can be repeated. (A change of a table commits the row before it begins.)
async fn failed(connection: &mut MySqlConnection, version: i64, sql: String, source: sqlx::Error) -> Error {
    let is_one_statement = !sql.trim_end().trim_end_matches(';').contains(';');
    let is_refused = matches!(source, sqlx::Error::Database(_));
    let delete = AssertSqlSafe(format!("DELETE FROM {TABLE} WHERE version = ? AND NOT success"));
    if is_one_statement && is_refused && sqlx::query(delete).bind(version).execute(connection).await.is_ok() {
        Error::Failed(version, source)
    } else {
        Error::FailedHalfWay { version, sql, source }
    }
}

/// The statements of a migration, for people and for counting them.
fn without_comments(sql: &str) -> String {
    let lines: Vec<&str> = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    lines.join("\n")
}

/// Takes the lock that keeps two migrations apart; false where another one holds it for too long.
async fn lock(connection: &mut MySqlConnection, timeout: Period) -> sqlx::Result<bool> {
    // Names of locks are the server's, not the database's, and at most 64 characters long: eight and 56.
    let got: Option<i64> = sqlx::query_scalar("SELECT GET_LOCK(CONCAT('migrate:', SHA2(DATABASE(), 224)), ?)")
        .bind(timeout.0.as_secs())
        .fetch_one(connection)
        .await?;
    Ok(got == Some(1))
}

#[cfg(test)]
mod tests {
    use sqlx::{SqlSafeStr as _, migrate::MigrationType};

    use super::*;

    fn known() -> Vec<Migration> {
        let of = |version| Migration::new(version, "".into(), MigrationType::Simple, "".into_sql_str(), false);
        [1, 101, 103].map(of).into()
    }

    fn applied(versions: &[i64]) -> Vec<AppliedMigration> {
        let of = |&version| AppliedMigration { version, checksum: Cow::Borrowed(&[1]) };
        versions.iter().map(of).collect()
    }

    #[test]
    fn later_migrations_are_newer_and_others_in_the_midst_are_refused() {
        for (versions, expected) in [
            (&[][..], Ok(0)),
            (&[1], Ok(0)),
            (&[1, 101, 103], Ok(0)),
            (&[1, 2, 101, 103, 104, 105], Ok(3)),
            (&[1, 2], Ok(1)),
            (&[1, 101, 102, 103], Err(102)),
            (&[1, 100, 101, 103, 104], Err(100)),
        ] {
            let found = newer(&known(), &applied(versions)).map_err(|error| match error {
                Error::Unknown(version) => version,
                other => panic!("{other}"),
            });
            assert_eq!(found, expected, "{versions:?}");
        }
    }

    #[test]
    fn an_earlier_wording_is_accepted_for_its_own_version_only() {
        let (mut migrations, original) = (known(), known());
        accept_earlier_wordings(&mut migrations, &applied(&[1, 101]), &[(101, "01"), (103, "01")]);
        assert_eq!(&*migrations[1].checksum, [1]);
        assert_eq!((&migrations[0].checksum, &migrations[2].checksum), (&original[0].checksum, &original[2].checksum));
    }
}
