//! A link between a service and what it depends on, which can be cut and mended.

use std::sync::Arc;

use harness::eventually;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// Forwards a port of its own to another one on this machine, while it is up.
pub(super) struct Link {
    port: u16,
    up: Arc<watch::Sender<bool>>,
    /// Held by every connection that is carried.
    carried: Arc<()>,
    forwarding: JoinHandle<()>,
}

impl Link {
    /// A link to `target`, which is down until [`mend`](Self::mend).
    pub(super) async fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let up = Arc::new(watch::channel(false).0);
        let carried = Arc::new(());
        let forwarding = tokio::spawn(forward(listener, target, Arc::clone(&up), Arc::clone(&carried)));
        Self { port, up, carried, forwarding }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Lets connections through.
    pub(super) fn mend(&self) {
        self.up.send_replace(true);
    }

    /// Breaks all connections, and closes new ones at once.
    pub(super) async fn cut(&self) {
        self.up.send_replace(false);
        // One is held here and one by the task that forwards.
        eventually("all connections are broken", async || Arc::strong_count(&self.carried) == 2).await;
    }

    /// How many connections it carries.
    pub(super) fn carries(&self) -> usize {
        Arc::strong_count(&self.carried) - 2
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.forwarding.abort();
    }
}

async fn forward(listener: TcpListener, target: u16, up: Arc<watch::Sender<bool>>, carried: Arc<()>) {
    loop {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut up = up.subscribe();
        if !*up.borrow_and_update() {
            continue;
        }
        let carried = Arc::clone(&carried);
        tokio::spawn(async move {
            let Ok(mut far) = TcpStream::connect(("127.0.0.1", target)).await else {
                return;
            };
            tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => {}
                _ = up.wait_for(|up| !up) => {}
            }
            drop(carried);
        });
    }
}
