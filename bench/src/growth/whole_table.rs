//! The whole table as a page, read and counted as it comes.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::client::Single;

/// What begins a row.
const ROW: &[u8] = b"<tr><td>";

/// Asks the service on `port` for the table, which has to have so many rows; gives how long it took.
pub(super) fn read(port: u16, rows: usize) -> Result<Duration> {
    let request = format!("GET /locations/table HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n");
    let mut counter = Counter::default();
    let mut connection = Single::connect(port)?;
    let start = Instant::now();
    let answer = connection.stream(request.as_bytes(), |piece| counter.take(piece))?;
    let took = start.elapsed();
    ensure!(answer.status == 200, "the table is answered with {}", answer.status);
    ensure!(counter.rows == rows, "the table came with {} rows of {rows}", counter.rows);
    Ok(took)
}

/// Counts rows in pieces that may be cut anywhere.
#[derive(Debug, Default)]
struct Counter {
    rows: usize,
    /// How much of the beginning of a row the last piece ended with.
    begun: usize,
}

impl Counter {
    fn take(&mut self, piece: &[u8]) {
        for byte in piece {
            self.begun = match self.begun {
                begun if *byte == ROW[begun] => begun + 1,
                _ => usize::from(*byte == ROW[0]),
            };
            if self.begun == ROW.len() {
                self.rows += 1;
                self.begun = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_wherever_the_page_is_cut() {
        let page = b"<table><tr><th>id</th></tr><tr><td>1</td></tr>\n<tr><<tr><td>2</td></tr></table>";
        for size in 1..page.len() {
            let mut counter = Counter::default();
            page.chunks(size).for_each(|piece| counter.take(piece));
            assert_eq!(counter.rows, 2, "in pieces of {size}");
        }
    }
}
