//! Whose turn it is.

use tokio::sync::{Mutex, MutexGuard};

/// Waits until no other test breaks anything.
pub(crate) async fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}
