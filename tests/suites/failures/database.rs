//! The database goes away, and comes back.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use harness::{Client, Database, Link, PATIENCE, Seeded, eventually, oslo, prepared, start, unprepared};
use sqlx::{AssertSqlSafe, Executor as _, raw_sql};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
    time::timeout,
};

/// A service that reaches its database through a link, which is up.
async fn linked(database: &Database) -> (playground::service::Running, Client, Link) {
    let service = prepared("location", database, Seeded::No).await;
    let link = Link::to(database.port()).await;
    let service = service.set("DB_HOST", "127.0.0.1").set("DB_PORT", link.port().to_string());
    link.mend();
    let (running, client) = start(&service).await;
    (running, client, link)
}

#[tokio::test]
async fn a_service_starts_without_its_database_and_is_well_once_it_is_there() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await;
    let link = Link::to(database.port()).await;
    let service = service.set("DB_HOST", "127.0.0.1").set("DB_PORT", link.port().to_string());
    let (mut running, client) = start(&service).await;

    let away = client.get("/locations").await;
    away.expect_problem(503, "unavailable");
    assert_eq!(away.header("retry-after"), "2");
    client.post("/locations", &oslo()).await.expect_problem(503, "unavailable");
    client.get("/livez").await.expect(200);
    client.get("/readyz").await.expect(200);
    client.get("/").await.expect(200);
    assert_eq!(client.get("/health").await.expect(503).json()["status"], "fail");

    link.mend();
    eventually("the service is well", async || client.get("/health").await.status == 200).await;
    client.post("/locations", &oslo()).await.expect(201);
    assert!(running.process().ended().unwrap().is_none());
}

#[tokio::test]
async fn after_a_break_that_nobody_noticed_every_read_succeeds() {
    let database = Database::new().await;
    let (_running, client, link) = linked(&database).await;
    for _ in 0..5 {
        // Several at once, so that several connections are made; then all of them break while nobody uses them, as when
        // the database is restarted.
        for answer in join_all((0..16).map(|_| client.get("/locations"))).await {
            answer.expect(200);
        }
        assert!(link.carries() > 1);
        link.cut().await;
        link.mend();
        for answer in join_all((0..16).map(|_| client.get("/locations"))).await {
            answer.expect(200);
        }
    }
}

#[tokio::test]
async fn while_the_database_is_away_the_answer_is_503_and_afterwards_all_is_well_at_once() {
    let database = Database::new().await;
    let (_running, client, link) = linked(&database).await;
    client.get("/locations").await.expect(200);
    link.cut().await;
    client.get("/locations").await.expect_problem(503, "unavailable");
    client.post("/locations", &oslo()).await.expect_problem(503, "unavailable");
    link.mend();
    client.get("/locations").await.expect(200);
    client.post("/locations", &oslo()).await.expect(201);
}

#[tokio::test]
async fn a_table_that_cannot_be_sent_to_its_end_is_broken_off() {
    let database = Database::new().await;
    let (running, client, link) = linked(&database).await;
    prepared("location", &database, Seeded::Yes).await;
    client.get("/locations/table").await.expect(200);

    // A client that has read the beginning when the database goes away. What it has room for is a small part of the
    // table, so that the service has not read on to the end.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut reader = socket.connect(([127, 0, 0, 1], running.port()).into()).await.unwrap();
    reader.write_all(b"GET /locations/table HTTP/1.1\r\nhost: service\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 1024];
    reader.read_exact(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
    link.cut().await;
    // It ends without the chunk of length 0 that ends a whole answer. (A connection that is reset is as good a sign.)
    let _ = timeout(PATIENCE, reader.read_to_end(&mut answer)).await.expect("the answer ends");
    let end = answer.len().min(100);
    let end = String::from_utf8_lossy(&answer[answer.len() - end..]);
    assert!(!end.ends_with("0\r\n\r\n") && !end.contains("</html>"), "{end}");
    eventually("the log says why", async || {
        running.log().lines().iter().any(|line| line.contains("could not be sent to its end"))
    })
    .await;

    client.get("/locations/table").await.expect_problem(503, "unavailable");
    link.mend();
    client.get("/locations/table").await.expect(200);
}

#[tokio::test]
async fn a_pool_that_is_used_up_is_told_in_time() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await;
    let service = service.set("DB_MAX_CONNECTIONS", "1").set("DB_ACQUIRE_TIMEOUT", "200ms");
    let (_running, client) = start(&service).await;
    let path = client.post("/locations", &oslo()).await.expect(201).header("location").to_owned();
    // Somebody holds the row, so that the one connection waits for it.
    let mut holder = database.connect().await;
    holder.execute("START TRANSACTION").await.unwrap();
    holder.execute("UPDATE locations SET population = 2").await.unwrap();
    let body = oslo();
    let waiting = client.put(&path, None, &body);
    let refused = async {
        eventually("the connection is in use", async || {
            client.get("/metrics").await.body.lines().any(|line| line == r#"db_pool_connections{state="used"} 1"#)
        })
        .await;
        let asked = Instant::now();
        client.get("/locations").await.expect_problem(503, "unavailable");
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
        // 32 may wait; further ones need not.
        let crowd = join_all((0..64).map(|_| client.put(&path, None, &body))).await;
        assert!(crowd.iter().all(|answer| answer.status == 503), "{crowd:?}");
        let figures = client.get("/metrics").await.body;
        for reason in ["timeout", "overload"] {
            let line = format!(r#"db_pool_refusals_total{{reason="{reason}"}} "#);
            let count = figures.lines().find_map(|found| found.strip_prefix(&line)?.parse::<u32>().ok());
            assert!(count.is_some_and(|count| count >= 16), "{reason}: {count:?} of 64");
        }
        holder.execute("ROLLBACK").await.unwrap();
    };
    let (changed, ()) = tokio::join!(waiting, refused);
    changed.expect(200);
    client.get("/locations").await.expect(200);
}

#[tokio::test]
async fn a_pool_whose_connections_wait_for_a_lock_fails_and_the_database_is_well() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await;
    let service = service.set("DB_MAX_CONNECTIONS", "1").set("DB_ACQUIRE_TIMEOUT", "100ms");
    let (running, client) = start(&service).await;
    eventually("its connection is open", async || client.get("/locations").await.status == 200).await;
    let path = client.post("/locations", &oslo()).await.expect(201).header("location").to_owned();
    let mut holder = database.connect().await;
    holder.execute("START TRANSACTION").await.unwrap();
    holder.execute("SELECT * FROM locations FOR UPDATE").await.unwrap();
    let body = oslo();
    let waiting = async {
        loop {
            client.put(&path, None, &body).await;
        }
    };
    let looking = async {
        eventually("the pool's check fails", async || {
            client.get("/locations").await;
            client.get("/health").await.status == 503
        })
        .await;
        the_pool_fails_and_the_database_is_well(&client).await;
        holder.execute("ROLLBACK").await.unwrap();
    };
    tokio::select! {
        () = waiting => unreachable!("it has no end"),
        () = looking => {}
    }
    eventually("the pool is well", async || client.get("/health").await.status == 200).await;
    let logged = running.log().tail(usize::MAX);
    assert!(logged.contains("requests got no connection from the pool"), "{logged}");
    assert!(!logged.contains("the database is not well"), "{logged}");
}

/// In `/health` and in the metrics.
async fn the_pool_fails_and_the_database_is_well(client: &Client) {
    let health = client.get("/health").await.json();
    assert_eq!((&health["status"], &health["checks"]["connections"]["status"]), (&"fail".into(), &"fail".into()));
    assert!(health["checks"]["connections"]["output"].as_str().unwrap().contains("in use"), "{health}");
    assert_eq!(health["checks"]["database"]["status"], "pass", "{health}");
    assert!(client.get("/metrics").await.body.lines().any(|line| line == "db_up 1"));
}

#[tokio::test]
async fn a_lock_that_is_held_too_long_is_a_503_and_nothing_is_changed() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await;
    let (_running, client) = start(&service).await;
    let path = client.post("/locations", &oslo()).await.expect(201).header("location").to_owned();
    let mut holder = database.connect().await;
    holder.execute("START TRANSACTION").await.unwrap();
    holder.execute("SELECT * FROM locations FOR UPDATE").await.unwrap();
    client.put(&path, None, &oslo()).await.expect_problem(503, "unavailable");
    client.get(&path).await.expect(200);
    holder.execute("ROLLBACK").await.unwrap();
    assert_eq!(client.get(&path).await.header("etag"), "\"1\"");
    client.put(&path, None, &oslo()).await.expect(200);
}

#[tokio::test]
async fn without_tables_the_answer_is_503_and_the_log_says_why() {
    let database = Database::new().await;
    let (running, client) = start(&unprepared("location", &database)).await;
    client.get("/locations").await.expect_problem(503, "unavailable");
    let logged = running.log().lines().join("\n");
    assert!(logged.contains("doesn't exist"), "{logged}");
}

#[tokio::test]
async fn a_deadlock_is_tried_again_and_the_write_is_there_once() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::Yes).await;
    let (_running, client) = start(&service).await;
    let before = deadlocks(&database).await;
    // Somebody who has changed so much that the service is the one to give way.
    let mut other = database.connect().await;
    other.execute("START TRANSACTION").await.unwrap();
    other.execute("UPDATE locations SET population = population + 1").await.unwrap();
    let body = oslo();
    let writing = client.post_once("/locations", "a-key", &body);
    let crossing = async {
        eventually("the service has its key and waits to insert", async || inserting(&database).await).await;
        other.execute("SELECT * FROM idempotency_keys FOR UPDATE").await.unwrap();
        other.execute("COMMIT").await.unwrap();
    };
    let (written, ()) = tokio::join!(writing, crossing);
    let path = written.expect(201).header("location").to_owned();
    assert!(deadlocks(&database).await > before, "there was a deadlock");
    client.get(&path).await.expect(200);
    let there: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM locations WHERE id > 1000000000")
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap();
    assert_eq!(there, 1);
}

/// The errors that pass by themselves, or when somebody has seen to them, as the server itself sends them: a trigger has it
/// do so.
#[tokio::test]
async fn whatever_the_server_cannot_do_now_is_a_503_and_afterwards_all_is_well() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await;
    let (running, client) = start(&service).await;
    let mut administrator = database.administer().await;
    let (read_only, too_slow, lost) = ([1290, 1792, 1836, 1036], [3024, 1969], [1053, 1317, 1927, 3032, 3169, 4031]);
    let server = [1021, 1026, 1030, 1037, 1038, 1040, 1041, 1114, 1203, 1205, 1206, 1226, 1412, 1615];
    // Privileges, the binary log, limits, packets, columns, character sets, row formats, damaged tables, clusters.
    let setup = [1142, 1143, 1227, 1370, 1665, 1461, 1153, 1301, 1364, 1267, 1366, 1709, 1728, 3098, 1105, 1047];
    for number in read_only.into_iter().chain(too_slow).chain(lost).chain(server).chain(setup) {
        let trigger = format!(
            "CREATE TRIGGER {0}.refuses BEFORE INSERT ON {0}.locations FOR EACH ROW
             SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'as the test has it'",
            database.name()
        );
        administrator.execute(raw_sql(AssertSqlSafe(trigger))).await.unwrap();
        for answer in [
            client.post("/locations", &oslo()).await,
            client.post_once("/locations", &format!("key-{number}"), &oslo()).await,
        ] {
            assert_eq!(answer.status, 503, "{number}: {}", answer.body);
            answer.expect_problem(503, "unavailable");
            assert_eq!(answer.header("retry-after"), "2");
        }
        let trigger = format!("DROP TRIGGER {}.refuses", database.name());
        administrator.execute(raw_sql(AssertSqlSafe(trigger))).await.unwrap();
        client.post_once("/locations", &format!("key-{number}"), &oslo()).await.expect(201);
        client.get("/locations").await.expect(200);
    }
    let logged = running.log().tail(usize::MAX);
    for remedy in
        ["GRANT the privilege", "set binlog_format", "raise max_prepared_stmt_count", "raise max_allowed_packet"]
    {
        assert!(logged.contains(remedy), "{remedy}: {logged}");
    }
}

/// How many deadlocks the server has resolved.
async fn deadlocks(database: &Database) -> i64 {
    let count = "SELECT CAST(count AS SIGNED) FROM information_schema.innodb_metrics WHERE name = 'lock_deadlocks'";
    sqlx::query_scalar(count).fetch_one(&mut database.administer().await).await.unwrap()
}

/// Whether the service is inserting a location: as that takes no time, it waits for a lock.
async fn inserting(database: &Database) -> bool {
    !database.connections("info LIKE 'INSERT INTO locations%'").await.is_empty()
}
