//! Opening connections, with the whole session state that the code relies on: a server's defaults and its `init_connect`
//! are its administrator's to choose, and do not change what a statement means or when it is committed.

use std::{fmt::Write as _, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Executor as _, MySqlConnection, Row as _, SqlSafeStr as _, SqlStr,
    mysql::{MySqlConnectOptions, MySqlRow},
    raw_sql,
};

/// Variables with the value that the code relies on, as the server returns it. MySQL and MariaDB both have them.
///
/// Each is here for what it would change: whether a statement is committed when it is acknowledged (`autocommit`,
/// `completion_type`); how text and literals are read, and whether values that do not fit are refused (`sql_mode`, the
/// default of MySQL 8); what a unique index holds (`unique_checks`); which rows a statement reads and changes
/// (`sql_select_limit`, `sql_big_selects`, `sql_safe_updates`); the engine of tables that name none
/// (`default_storage_engine`); the language of errors, of which one is read for the name of its index (`lc_messages`).
const VARIABLES: [(&str, &str); 11] = [
    ("autocommit", "1"),
    ("completion_type", "'NO_CHAIN'"),
    (
        "sql_mode",
        "'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,\
         NO_ENGINE_SUBSTITUTION'",
    ),
    ("time_zone", "'+00:00'"),
    ("unique_checks", "1"),
    ("foreign_key_checks", "1"),
    ("sql_select_limit", "18446744073709551615"),
    ("sql_big_selects", "1"),
    ("sql_safe_updates", "0"),
    ("default_storage_engine", "'InnoDB'"),
    ("lc_messages", "'en_US'"),
];

/// Under READ COMMITTED rows are locked but not the gaps between them, so that unrelated requests do not wait for one
/// another. A server that logs statements rather than rows refuses every write under it (error 1665): there,
/// REPEATABLE READ takes its place. MySQL and MariaDB each skip the other's comments; the second name of the variable is
/// the one that MariaDB knows in all versions.
const ISOLATION: &str = "/*!50720 transaction_isolation */ /*M!100108 tx_isolation */ = \
    IF(@@log_bin AND @@binlog_format = 'STATEMENT', 'REPEATABLE-READ', 'READ-COMMITTED')";

/// Limits that the server enforces, so that work nobody waits for any more ends there too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Longest wait for a row or a table that another session has locked.
    pub(super) lock_wait: Duration,
    /// Longest run time of a statement; none where it is zero. MySQL limits SELECT only.
    pub(super) statement: Duration,
}

/// Connects, and sets the session's state. Fails where the server does not accept a variable or has kept another value:
/// without them an acknowledged write might not be there.
pub(super) async fn open(options: &MySqlConnectOptions, limits: Limits) -> sqlx::Result<MySqlConnection> {
    // sqlx would add to the server's sql_mode rather than replace it, in a round trip of its own. Statements are logged
    // by their purpose, not one by one.
    let options = options
        .clone()
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None)
        .set_names(false)
        .disable_statement_logging();
    let mut connection = options.connect().await?;
    let kept: MySqlRow = connection.fetch_one(raw_sql(statements(limits))).await?;
    let kept: String = kept.try_get(0)?;
    if kept.is_empty() { Ok(connection) } else { Err(sqlx::Error::Configuration(NotSet(kept).into())) }
}

/// The server acknowledged the session's variables and kept other values: a proxy that leaves SET out, for example.
#[derive(Debug, thiserror::Error)]
#[error("the server did not accept the session variables {0}")]
pub(super) struct NotSet(String);

/// SET for everything, then a SELECT of the names of variables that have another value all the same.
fn statements(limits: Limits) -> SqlStr {
    let mut set = "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_520_ci".to_owned();
    let mut kept = Vec::new();
    for (name, value) in VARIABLES {
        let _ = write!(set, ", SESSION {name} = {value}");
        kept.push(format!("IF(@@SESSION.{name} = {value}, NULL, '{name}')"));
    }
    let Limits { lock_wait, statement } = limits;
    let (wait, seconds, millis) = (lock_wait.as_secs(), statement.as_secs(), statement.as_millis());
    let _ = write!(
        set,
        ", SESSION innodb_lock_wait_timeout = {wait}, SESSION lock_wait_timeout = {wait}, SESSION \
         /*M!100108 max_statement_time = {seconds}, */ /*!50720 max_execution_time = {millis}, */ {ISOLATION}"
    );
    AssertSqlSafe(format!("{set}; SELECT CONCAT_WS(', ', {})", kept.join(", "))).into_sql_str()
}
