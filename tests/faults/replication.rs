//! One server that follows another, in the words of either product.

use harness::PATIENCE;
use playground::database::private::{Binary, Breakable};
use sqlx::{AssertSqlSafe, Executor as _, MySqlConnection, Row as _, raw_sql};

/// A primary, and a server that follows it.
pub(crate) struct Pair {
    pub(crate) primary: Breakable,
    pub(crate) follower: Breakable,
}

/// Where a server's binary log ends.
struct Position {
    file: String,
    offset: u64,
}

impl Pair {
    /// Starts both, with nothing in them.
    pub(crate) async fn start(binary: &Binary) -> Self {
        let primary = Breakable::start(binary.clone(), &["--log-bin=log", "--server-id=1"]).await.unwrap();
        let follower = ["--log-bin=log", "--server-id=2", "--read-only=ON"];
        let follower = Breakable::start(binary.clone(), &follower).await.unwrap();
        let pair = Self { primary, follower };
        let Position { file, offset } = pair.end_of_log().await;
        let server = pair.primary.server();
        let words = if pair.is_mariadb() { ["MASTER", ""] } else { ["SOURCE", ", GET_SOURCE_PUBLIC_KEY = 1"] };
        let [source, more] = words;
        let change = if pair.is_mariadb() { "CHANGE MASTER TO" } else { "CHANGE REPLICATION SOURCE TO" };
        pair.command(&format!(
            "{change} {source}_HOST = '{}', {source}_PORT = {}, {source}_USER = '{}', {source}_PASSWORD = '{}', \
             {source}_LOG_FILE = '{file}', {source}_LOG_POS = {offset}{more}",
            server.host, server.port, server.user, server.password
        ))
        .await;
        pair.command(if pair.is_mariadb() { "START SLAVE" } else { "START REPLICA" }).await;
        pair
    }

    /// Has the primary refuse to write. Returns when what was under way is done.
    pub(crate) async fn demote_primary(&self) {
        execute(&mut self.primary.server().connect().await.unwrap(), "SET GLOBAL read_only = ON").await;
    }

    /// Waits until the follower has all that the primary has, and makes it a primary.
    pub(crate) async fn promote_follower(&self) {
        let Position { file, offset } = self.end_of_log().await;
        let function = if self.is_mariadb() { "MASTER_POS_WAIT" } else { "SOURCE_POS_WAIT" };
        let mut follower = self.follower.server().connect().await.unwrap();
        let wait = format!("SELECT {function}('{file}', {offset}, {})", PATIENCE.as_secs());
        let waited = follower.fetch_one(raw_sql(AssertSqlSafe(wait))).await.unwrap();
        let waited: Option<i64> = waited.try_get_unchecked(0).unwrap();
        assert!(waited.is_some_and(|events| events >= 0), "the follower does not follow: {waited:?}");
        self.command(if self.is_mariadb() { "STOP SLAVE" } else { "STOP REPLICA" }).await;
        self.command("SET GLOBAL read_only = OFF").await;
    }

    fn is_mariadb(&self) -> bool {
        self.primary.is_mariadb()
    }

    async fn end_of_log(&self) -> Position {
        let ask = if self.is_mariadb() { "SHOW MASTER STATUS" } else { "SHOW BINARY LOG STATUS" };
        let row = self.primary.server().connect().await.unwrap().fetch_one(raw_sql(ask)).await.unwrap();
        Position { file: row.get_unchecked("File"), offset: row.get_unchecked("Position") }
    }

    async fn command(&self, statement: &str) {
        execute(&mut self.follower.server().connect().await.unwrap(), statement).await;
    }
}

async fn execute(connection: &mut MySqlConnection, statement: &str) {
    connection.execute(raw_sql(AssertSqlSafe(statement.to_owned()))).await.unwrap();
}
