//! All places as an HTML page, which is sent while it is written.

use std::fmt::Write as _;

use bytes::Bytes;

use crate::Location;

/// The size of the pieces in which the page is sent: large enough that a write to the socket is worth it, small enough
/// that the browser gets to see the first rows at once.
const PIECE: usize = 32 * 1024;

const HEAD: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head><meta charset=\"utf-8\"><title>Locations</title></head>
<body>
<table>
<thead><tr><th>id</th><th>name</th><th>country</th><th>region</th><th>latitude</th><th>longitude</th>\
<th>population</th><th>timezone</th></tr></thead>
<tbody>
";

const FOOT: &str = "</tbody>
</table>
</body>
</html>
";

/// Writes the page.
#[derive(Debug)]
pub struct TableWriter {
    piece: String,
}

impl TableWriter {
    /// The media type of the page.
    pub const CONTENT_TYPE: &str = "text/html; charset=utf-8";

    /// Begins the page.
    #[must_use]
    pub fn new() -> Self {
        let mut piece = empty();
        piece.push_str(HEAD);
        Self { piece }
    }

    /// Adds a row, and gives the piece that it may have filled.
    pub fn row(&mut self, location: &Location) -> Option<Bytes> {
        let Location { id, name, country, region, latitude, longitude, population, timezone, .. } = location;
        let piece = &mut self.piece;
        // Writing to a string cannot fail.
        let _ = write!(piece, "<tr><td>{id}</td><td>");
        escape(piece, name);
        piece.push_str("</td><td>");
        escape(piece, country);
        piece.push_str("</td><td>");
        escape(piece, region.as_deref().unwrap_or_default());
        let _ = write!(piece, "</td><td>{latitude}</td><td>{longitude}</td><td>{population}</td><td>");
        escape(piece, timezone);
        piece.push_str("</td></tr>\n");
        (piece.len() >= PIECE).then(|| std::mem::replace(piece, empty()).into())
    }

    /// Ends the page, and gives its last piece.
    #[must_use]
    pub fn end(mut self) -> Bytes {
        self.piece.push_str(FOOT);
        self.piece.into()
    }
}

impl Default for TableWriter {
    fn default() -> Self {
        Self::new()
    }
}

fn empty() -> String {
    // With room for the row that fills it.
    String::with_capacity(PIECE + 1024)
}

/// Appends `text` with what has a meaning in HTML replaced.
fn escape(html: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        let (before, from) = rest.split_at(at);
        html.push_str(before);
        html.push_str(match from.as_bytes()[0] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        });
        rest = &from[1..];
    }
    html.push_str(rest);
}
