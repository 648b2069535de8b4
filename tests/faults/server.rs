//! A database server of the test's own.

use harness::not_run;
use playground::database::private::{self, Binary, Breakable};

/// What a server of one's own is started from; none, with a note, where none is installed.
pub(crate) async fn binary() -> Option<Binary> {
    let binary = private::find().await;
    if binary.is_none() {
        not_run("it takes a database server of its own: install MariaDB or MySQL");
    }
    binary
}

/// A server with `options` on top of the usual ones; none, with a note, where none is installed.
pub(crate) async fn start(options: &[&str]) -> Option<Breakable> {
    Some(Breakable::start(binary().await?, options).await.unwrap())
}
