//! HTTP by hand, for what no client library would send.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Sends `pieces` with `pause` between them to 127.0.0.1:`port`, and reads until the other side closes.
pub async fn raw(port: u16, pieces: &[&[u8]], pause: Duration) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                tokio::time::sleep(pause).await;
            }
            // The other side may have closed already: what it answered counts.
            if stream.write_all(piece).await.is_err() {
                break;
            }
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    timeout(crate::PATIENCE, exchange).await.expect("the connection was closed in time")
}
