//! Servers as people run them: with other defaults than those of the manual, logins that lack privileges, names that need
//! every byte.

use futures_util::future::join_all;
use harness::{
    Client, Database, PATIENCE, Seeded, eventually, oslo, prepared,
    server::{self, Changeable},
    start, unprepared, with,
};
use playground::service::{Running, Service};
use sqlx::{Connection as _, Executor as _, MySqlConnection, mysql::MySqlConnectOptions};

/// Defaults of new sessions that change what statements mean, what is committed, or which rows there are; each with the
/// value that it has otherwise. A server refuses those that it does not know.
const DEFAULTS: [(&str, &str, &str); 31] = [
    ("autocommit", "0", "1"),
    ("completion_type", "'CHAIN'", "'NO_CHAIN'"),
    ("completion_type", "'RELEASE'", "'NO_CHAIN'"),
    ("sql_mode", "'NO_BACKSLASH_ESCAPES'", "DEFAULT"),
    ("sql_mode", "'ANSI_QUOTES'", "DEFAULT"),
    ("sql_mode", "'ANSI,NO_BACKSLASH_ESCAPES'", "DEFAULT"),
    ("sql_mode", "'TRADITIONAL'", "DEFAULT"),
    ("sql_mode", "'ORACLE'", "DEFAULT"),
    ("sql_mode", "'MSSQL'", "DEFAULT"),
    ("sql_mode", "'EMPTY_STRING_IS_NULL'", "DEFAULT"),
    ("sql_mode", "'PAD_CHAR_TO_FULL_LENGTH'", "DEFAULT"),
    ("sql_mode", "'NO_UNSIGNED_SUBTRACTION,HIGH_NOT_PRECEDENCE,IGNORE_SPACE,REAL_AS_FLOAT'", "DEFAULT"),
    ("sql_mode", "'NO_AUTO_VALUE_ON_ZERO,NO_DIR_IN_CREATE,PIPES_AS_CONCAT'", "DEFAULT"),
    ("sql_mode", "''", "DEFAULT"),
    ("transaction_isolation", "'SERIALIZABLE'", "'REPEATABLE-READ'"),
    ("transaction_isolation", "'READ-UNCOMMITTED'", "'REPEATABLE-READ'"),
    ("tx_isolation", "'SERIALIZABLE'", "'REPEATABLE-READ'"),
    ("time_zone", "'+13:00'", "DEFAULT"),
    ("sql_select_limit", "1", "DEFAULT"),
    ("max_join_size", "1", "DEFAULT"),
    ("sql_big_selects", "0", "1"),
    ("sql_safe_updates", "1", "0"),
    ("unique_checks", "0", "1"),
    ("foreign_key_checks", "0", "1"),
    ("lc_messages", "'de_DE'", "'en_US'"),
    ("character_set_server", "'latin1'", "'utf8mb4'"),
    ("character_set_server", "'utf16'", "'utf8mb4'"),
    ("collation_server", "'utf8mb4_bin'", "'utf8mb4_general_ci'"),
    ("auto_increment_increment", "7", "1"),
    ("innodb_lock_wait_timeout", "1", "50"),
    ("init_connect", "'SET autocommit = 0, sql_mode = ''NO_BACKSLASH_ESCAPES'''", "''"),
];

#[tokio::test]
async fn an_acknowledged_write_is_there_whatever_the_servers_defaults_are() {
    for server in server::changeable(&[]).await {
        let database = Database::on(&server.server).await;
        let service = prepared("location", &database, Seeded::No).await;
        let (_running, client) = start(&service).await;
        let mut tried = 0;
        for (variable, other, usual) in DEFAULTS {
            if !server.accepts(&format!("SET GLOBAL {variable} = {other}")).await {
                continue;
            }
            tried += 1;
            let case = format!("{variable} = {other}");
            writes_survive_their_connection(&client, &server, &database, (&format!("key-{tried}"), &case)).await;
            server.run(&format!("SET GLOBAL {variable} = {usual}")).await;
        }
        assert!(tried >= 25, "{tried} of {}", DEFAULTS.len());
    }
}

/// On connections that are opened now.
async fn writes_survive_their_connection(
    client: &Client,
    server: &Changeable,
    database: &Database,
    (key, case): (&str, &str),
) {
    server.end_connections(database).await;
    client.get("/locations").await.expect(200);
    let place = with(oslo(), "name", r"100%_\ 'São'");
    let path = client.post("/locations", &place).await.expect(201).header("location").to_owned();
    let kept = client.post_once("/locations", key, &place).await.expect(201);
    server.end_connections(database).await;
    assert_eq!(client.get(&path).await.expect(200).json()["name"], r"100%_\ 'São'", "{case}");
    let again = client.post_once("/locations", key, &place).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true", "{case}");
    for found in ["100%25", "100%25_%5C%20'sao"] {
        let page = client.get(&format!("/locations?q={found}")).await.expect(200).json();
        assert_eq!(page["items"].as_array().unwrap().len(), 2, "{case}: {page}");
    }
    for path in [path, kept.header("location").to_owned()] {
        client.put(&path, None, &with(oslo(), "name", "changed")).await.expect(200);
        client.delete(&path, None).await.expect(204);
    }
}

#[tokio::test]
async fn one_off_tasks_do_their_work_whatever_the_servers_defaults_are() {
    for server in server::changeable(&[]).await {
        let defaults = [
            "autocommit = 0",
            "innodb_default_row_format = 'compact'",
            "default_storage_engine = 'MyISAM'",
            "sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'",
            "lock_wait_timeout = 1",
        ];
        for default in defaults {
            server.run(&format!("SET GLOBAL {default}")).await;
        }
        let database = Database::on(&server.server).await;
        let service = prepared("user", &database, Seeded::Yes).await;
        let mut connection = database.connect().await;
        connection.execute("SET autocommit = 1, sql_mode = ''").await.unwrap();
        let expired = "INSERT INTO idempotency_keys VALUES (UNHEX(SHA2('', 256)), UNHEX(SHA2('', 256)), NULL, 1)";
        connection.execute(expired).await.unwrap();
        run(&service, "purge").await.expect("purged");
        for (statement, rows) in [
            ("SELECT COUNT(*) FROM users", 1_000),
            ("SELECT COUNT(*) FROM idempotency_keys", 0),
            (
                "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND engine <> 'InnoDB'",
                0,
            ),
        ] {
            let found: i64 = sqlx::query_scalar(statement).fetch_one(&mut connection).await.unwrap();
            assert_eq!(found, rows, "{statement}");
        }
    }
}

#[tokio::test]
async fn the_password_is_exact_in_every_mode() {
    for server in server::changeable(&[]).await {
        for (mode, password) in [
            ("NO_BACKSLASH_ESCAPES", "it's"),
            ("NO_BACKSLASH_ESCAPES", r"\'; DROP DATABASE mysql; -- "),
            ("NO_BACKSLASH_ESCAPES,ANSI_QUOTES", "a\\ \"b\" `c` %_\n\t🏔 é e\u{301}\\"),
            ("ANSI", r"\\'\"),
            ("", r"\'; DROP DATABASE mysql; -- "),
        ] {
            server.run(&format!("SET GLOBAL sql_mode = '{mode}'")).await;
            logs_in_after_provision(&server, password, mode).await;
        }
        // The _ in the names of these databases is a wildcard in a GRANT, but not in this mode of MySQL's.
        if server.accepts("SET GLOBAL partial_revokes = ON").await {
            logs_in_after_provision(&server, "it's", "partial_revokes").await;
        }
        server.run("SET GLOBAL sql_mode = DEFAULT").await;
        assert!(server.accepts("SELECT user FROM mysql.user").await, "the server is whole");
    }
}

/// As the login that `provision` has made, with that password, twice.
async fn logs_in_after_provision(server: &Changeable, password: &str, case: &str) {
    let database = Database::on(&server.server).await;
    database.vanish().await;
    let mut service = unprepared("location", &database).set("DB_PWD", password);
    for (name, value) in database.administrator() {
        service = service.set(name, value);
    }
    for _ in 0..2 {
        let told = run(&service, "provision").await.expect("provisioned");
        assert!(!told.contains(password), "{told}");
        let options = MySqlConnectOptions::new().host("127.0.0.1").port(database.port()).username(database.user());
        let login = MySqlConnection::connect_with(&options.password(password).database(database.name())).await;
        assert!(login.is_ok(), "{case}: {password}: {login:?}");
    }
}

#[tokio::test]
async fn a_server_that_logs_statements_takes_writes_once() {
    for server in server::changeable(&["--log-bin=log", "--server-id=1", "--binlog-format=STATEMENT"]).await {
        let database = Database::on(&server.server).await;
        let service = prepared("location", &database, Seeded::Yes).await;
        let ((_one, first), (_two, second)) = (start(&service).await, start(&service).await);
        for round in 0..3 {
            let (key, body) = (format!("round-{round}"), with(oslo(), "population", round));
            let clients = [&first, &second].into_iter().cycle().take(12);
            let answers = join_all(clients.map(|client| client.post_once("/locations", &key, &body))).await;
            let paths: Vec<_> =
                answers.iter().map(|answer| answer.clone().expect(201).header("location").to_owned()).collect();
            assert!(paths.iter().all(|path| *path == paths[0]), "{paths:?}");
        }
        let path = first.post("/locations", &oslo()).await.expect(201).header("location").to_owned();
        let bodies: Vec<_> = (1..=8).map(|population| with(oslo(), "population", population)).collect();
        for changed in join_all(bodies.iter().map(|body| first.put(&path, None, body))).await {
            changed.expect(200);
        }
        first.delete(&path, None).await.expect(204);
        first.get("/health").await.expect(200);
    }
}

#[tokio::test]
async fn a_login_that_lacks_a_privilege_gets_503_the_log_names_it_and_a_grant_is_enough() {
    for server in server::changeable(&[]).await {
        let database = Database::on(&server.server).await;
        let (running, client) = start(&prepared("location", &database, Seeded::No).await).await;
        let path = client.post("/locations", &oslo()).await.expect(201).header("location").to_owned();
        for privilege in ["INSERT", "UPDATE", "DELETE", "SELECT"] {
            change_privilege(&server, &database, "REVOKE", privilege).await;
            server.end_connections(&database).await;
            let _ = client.get("/locations").await;
            let refused = match privilege {
                "INSERT" => client.post_once("/locations", "another", &oslo()).await,
                "UPDATE" => client.put(&path, None, &oslo()).await,
                "DELETE" => client.delete(&path, None).await,
                _ => client.get(&path).await,
            };
            refused.expect_problem(503, "unavailable");
            its_health_says_so_without_a_name(&client, &database).await;
            logged(&running, &format!("{privilege} command denied")).await;
            change_privilege(&server, &database, "GRANT", privilege).await;
            eventually("it works again", async || client.put(&path, None, &oslo()).await.status == 200).await;
            eventually("it says so", async || client.get("/health").await.status == 200).await;
        }
        logged(&running, "lacks a privilege").await;
    }
}

async fn change_privilege(server: &Changeable, database: &Database, verb: &str, privilege: &str) {
    let (to, name) = (if verb == "GRANT" { "TO" } else { "FROM" }, database.name().replace('_', r"\_"));
    server.run(&format!("{verb} {privilege} ON `{name}`.* {to} '{}'@'%'", database.user())).await;
}

async fn its_health_says_so_without_a_name(client: &Client, database: &Database) {
    let mut health = client.get("/health").await;
    // At first it may say that its own connection was ended.
    eventually("it says so", async || {
        health = client.get("/health").await;
        let output = health.json()["checks"]["database"]["output"].to_string();
        health.status == 503 && output.contains("lacks a privilege") && output.contains("GRANT")
    })
    .await;
    for name in [database.name(), database.user(), "command denied"] {
        assert!(!health.body.contains(name), "{}", health.body);
    }
}

/// The login is expired, locked, or not there; the connection is not encrypted; `init_connect` fails; the session's state
/// cannot be set. All of it before the first statement.
#[tokio::test]
async fn a_server_that_lets_nobody_in_is_told_with_its_remedy() {
    for server in server::changeable(&[]).await {
        let database = Database::on(&server.server).await;
        let login = format!("'{}'@'%'", database.user());
        let service = prepared("location", &database, Seeded::No).await;
        let cases = [
            (format!("ALTER USER {login} PASSWORD EXPIRE"), "password has expired"),
            (format!("ALTER USER {login} ACCOUNT LOCK"), "login is locked"),
            (format!("RENAME USER {login} TO '{}'@'192.0.2.1'", database.user()), "refuses the login"),
            ("SET GLOBAL init_connect = 'SELECT nothing'".into(), "init_connect fails"),
        ];
        for (statement, remedy) in cases {
            server.run(&statement).await;
            is_refused_with(&service, remedy).await;
            let password = format!("ALTER USER {login} IDENTIFIED BY '{}' ACCOUNT UNLOCK", database.password());
            let undo = format!("RENAME USER '{}'@'192.0.2.1' TO {login}", database.user());
            server.accepts(&undo).await;
            server.run(&password).await;
            server.run("SET GLOBAL init_connect = ''").await;
        }
        server.run("SET GLOBAL max_prepared_stmt_count = 0").await;
        is_refused_with(&service, "raise max_prepared_stmt_count").await;
        server.run("SET GLOBAL max_prepared_stmt_count = 16382").await;
        // A server that has no certificate cannot require one.
        if server.accepts("SET GLOBAL require_secure_transport = ON").await {
            is_refused_with(&service.clone().set("DB_TLS", "disabled"), "TLS").await;
        }
    }
}

/// By `/health` and by the log of the service, and by a one-off task.
async fn is_refused_with(service: &Service, remedy: &str) {
    let (running, client) = start(service).await;
    client.get("/locations").await.expect_problem(503, "unavailable");
    let health = client.get("/health").await.expect(503).json();
    assert!(health["checks"]["database"]["output"].to_string().contains(remedy), "{remedy}: {health}");
    logged(&running, remedy).await;
    let told = run(service, "seed").await.expect_err("refused");
    assert!(told.contains(remedy), "{remedy}: {told}");
}

async fn logged(running: &Running, words: &str) {
    let line = running.log().wait_for(|line| line.contains(words), PATIENCE).await;
    assert!(line.is_some(), "{words:?} is not in {}", running.log().tail(20));
}

/// Runs a one-off task; its output, whether it succeeded or not.
async fn run(service: &Service, task: &str) -> Result<String, String> {
    let (status, lines) = service.output(&[task]).await.unwrap();
    if status.success() { Ok(lines.join("\n")) } else { Err(lines.join("\n")) }
}
