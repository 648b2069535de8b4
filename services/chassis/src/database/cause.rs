//! The meaning of each error number of `MySQL` and `MariaDB`, and the remedy for those that do not pass by themselves.
//!
//! Sources: <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html> and
//! <https://mariadb.com/docs/server/reference/error-codes>. Numbers that are not listed are a fault of the service's:
//! a statement that the server does not understand, or a value that the tables cannot hold.

use Class::{Busy, Deadlock, Duplicate, Lost, ReadOnly, Setup, TooSlow};

/// A kind of error, by what a request does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A unique index has that value already.
    Duplicate,
    /// The server rolled the transaction back, since another one changed the same rows; it can be repeated.
    Deadlock,
    /// The server, the database or the session takes no writes: the answer of an old primary after a failover.
    ReadOnly,
    /// A limit on the run time of statements: `max_execution_time`, `max_statement_time`.
    TooSlow,
    /// The connection ends, or its state is unknown.
    Lost,
    /// A limit of the server's, a lock, or a restart; it may pass.
    Busy,
    /// The server, the login or the tables are not set up as the service needs; somebody has to change that.
    Setup,
}

/// The meaning of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) class: Class,
    /// What is wrong and what to do about it, in words that name no host, login or table, since `/health` shows them.
    pub(super) remedy: Option<&'static str>,
}

/// The meaning of error `number`.
pub(super) fn of(number: u16) -> Option<Cause> {
    let row = CAUSES.iter().find(|(numbers, ..)| numbers.contains(&number))?;
    let remedy = (!row.2.is_empty()).then_some(row.2);
    Some(Cause { class: row.1, remedy })
}

/// Another session holds a lock for longer than this one may wait.
pub(super) const LOCK_WAIT_TIMEOUT: u16 = 1205;

/// Error numbers, their class, and the remedy; empty where it passes by itself.
const CAUSES: &[(&[u16], Class, &str)] = &[
    (&[1062, 1586], Duplicate, ""),
    // Deadlock; a row changed since the snapshot was taken (MariaDB); a conflict in a replication group.
    (&[1213, 1020, 3101], Deadlock, ""),
    // read_only, a read-only transaction, innodb_read_only, a read-only table or schema.
    (
        &[1290, 1792, 1836, 1036, 3989],
        ReadOnly,
        "the server takes no writes: a failover is over in a minute; if it stays so, see whether DB_HOST leads to a \
         replica, and whether read_only, innodb_read_only or transaction_read_only is on",
    ),
    (&[3024, 1969], TooSlow, ""),
    // The server stops, this connection is killed or idle for too long, the network breaks, a prepared statement is
    // unknown, and a COMMIT whose outcome is unknown.
    (&[1053, 1152, 1156, 1158, 1159, 1160, 1161, 1180, 1243, 1317, 1927, 3032, 3168, 3169, 4031], Lost, ""),
    // Lock wait timeout, a backup's lock, a table that is being changed, transactions that are too many or too large.
    (&[LOCK_WAIT_TIMEOUT, 1206, 1223, 1412, 1615, 1197, 1637, 1705, 3100], Busy, ""),
    (
        &[1021, 3, 20, 1026, 1030, 1114, 1598],
        Busy,
        "the server cannot write to its disk: see its error log, and whether the disk or a tablespace is full",
    ),
    (
        &[1037, 1038, 1041, 1135, 3170],
        Busy,
        "the server is out of memory or threads: see its error log, and give it more, or lower DB_MAX_CONNECTIONS",
    ),
    (
        &[1040],
        Busy,
        "the server has no connection left: lower DB_MAX_CONNECTIONS or the number of tasks, or raise max_connections",
    ),
    (
        &[1203, 1226],
        Busy,
        "the login has reached its limit of connections or queries: lower DB_MAX_CONNECTIONS or the number of tasks, \
         or raise max_user_connections",
    ),
    (&[1047], Busy, "the node is not synchronised with its cluster: see the state of the cluster"),
    (&[9000, 9001, 9002, 9003, 9005, 9006], Busy, "the proxy reaches no server: see its log"),
    (
        &[1045, 1698],
        Setup,
        "the server refuses the login: see whether name and password (DB_USER and DB_PWD, or DB_ADMIN_USER and \
         DB_ADMIN_PWD) are those of the server, and whether it requires TLS for this login (DB_TLS)",
    ),
    (
        &[1044, 1049],
        Setup,
        "the database is missing, or the login has no privileges in it: run the task `provision`, which creates both",
    ),
    (
        &[1142, 1143, 1227, 1370, 3554],
        Setup,
        "the login lacks a privilege, which the log names: run the task `provision`, or GRANT the privilege to the \
         login of the service",
    ),
    (
        &[1130],
        Setup,
        "the server knows no login for this task's address: create it for every host ('…'@'%'), as the task `provision` \
         does",
    ),
    (
        &[1129],
        Setup,
        "the server blocks this task's address after too many failed connections: find out what interrupts them, then \
         run FLUSH HOSTS (TRUNCATE TABLE performance_schema.host_cache)",
    ),
    (&[1820, 1862], Setup, "the login's password has expired: run the task `provision`, which sets it again"),
    (
        &[3118, 4151, 3955, 4150],
        Setup,
        "the login is locked: unlock it (ALTER USER … ACCOUNT UNLOCK), after finding out who locked it or tried wrong \
         passwords",
    ),
    (
        &[1251, 1275, 1524],
        Setup,
        "the login's authentication plugin is not supported: give it caching_sha2_password (MySQL) or \
         mysql_native_password (MariaDB)",
    ),
    (&[3159], Setup, "the server requires TLS (require_secure_transport): set DB_TLS to required or verify-identity"),
    (
        &[1184],
        Setup,
        "the server ends each new connection, since its init_connect fails: correct or empty init_connect",
    ),
    (
        &[1819, 3638, 3639],
        Setup,
        "the server's password policy does not accept DB_PWD: choose another password, or change the policy",
    ),
    (&[1146, 1054, 1364, 1932], Setup, "tables or columns are missing or of another release: run the task `migrate`"),
    (
        &[1267, 1270, 1271, 1273, 1300, 1366, 3988],
        Setup,
        "a table has another character set or collation than its migration says: compare it (SHOW CREATE TABLE), and \
         convert it (ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci)",
    ),
    (
        &[1709, 1071, 1118],
        Setup,
        "the table's row format is too small for its indexes: say ROW_FORMAT=DYNAMIC in its migration, or set \
         innodb_default_row_format=dynamic",
    ),
    (&[1173, 3750], Setup, "the server requires a primary key in each table: give the table one in its migration"),
    (
        &[1031, 1178, 1286, 3161],
        Setup,
        "the server has no InnoDB, or has tables of another engine: enable InnoDB, and convert them (ALTER TABLE … \
         ENGINE = InnoDB)",
    ),
    (
        &[126, 127, 144, 145, 1033, 1034, 1035, 1194, 1195, 1545, 1547, 1548, 1712, 1728, 1805, 1812, 1815, 1877, 3185],
        Setup,
        "a table of the server is damaged, or made by another version of it: see the server's error log, run \
         mariadb-upgrade or CHECK TABLE, or restore a backup",
    ),
    (
        &[1661, 1662, 1663, 1664, 1665, 1666, 1667, 1785, 3098],
        Setup,
        "the server cannot write the change to its binary log: set binlog_format to ROW or MIXED",
    ),
    (&[1461], Setup, "the server has no prepared statement left: raise max_prepared_stmt_count"),
    (
        &[1295],
        Setup,
        "the server or a proxy supports no prepared statements: connect to the server, or change the proxy",
    ),
    (&[1153, 1162, 1301], Setup, "a statement is larger than the server accepts: raise max_allowed_packet"),
    (
        &[1115, 1193, 1229, 1231, 1238, 1298],
        Setup,
        "the server does not accept the session's variables, which the log names: use MySQL 8.0 or MariaDB 10.6, or \
         later ones",
    ),
    (
        &[1105, 1235],
        Setup,
        "the server or a cluster does not support a statement, which the log names: see its strict modes \
         (pxc_strict_mode, wsrep_mode)",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_number_is_listed_once_and_what_needs_a_change_has_a_remedy() {
        let mut seen = HashSet::new();
        for (numbers, class, remedy) in CAUSES {
            assert!(numbers.iter().all(|number| seen.insert(*number)), "{numbers:?}");
            assert!(*class != Setup || !remedy.is_empty(), "{numbers:?}");
        }
    }

    #[test]
    fn a_fault_of_the_services_has_no_row() {
        for number in [1064, 1048, 1136, 1406, 1264] {
            assert_eq!(of(number), None, "{number}");
        }
    }
}
