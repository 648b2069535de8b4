//! All locations as one table, read and sent piece by piece.

use actix_web::{HttpResponse, web::Bytes};
use askama::Template;
use chassis::{
    Service,
    database::{self, coalescing::LoadOne},
    http::Problem,
    pages::{html_stream, render},
    telemetry::db_span,
};
use futures_util::{
    TryStreamExt as _,
    stream::{self, StreamExt as _},
};
use sqlx::MySqlConnection;

use crate::{SERVICE, model::Location, store};

/// The table of all locations, around its rows.
#[derive(Template)]
#[template(path = "table.html")]
struct Table<'a> {
    service: &'a Service,
    /// Stands where the rows will be.
    rows: char,
}

/// A character that is in no template.
const ROWS: char = '\u{fffc}';

/// The table, sent piece by piece: `first`, then what `next` gives after the last id of the one before. A client that reads
/// slowly is not read ahead for. One that fails ends the answer before its end, which clients notice.
pub(crate) fn table<F>(first: Piece, next: impl Fn(u64) -> F + 'static) -> Result<HttpResponse, Problem>
where
    F: Future<Output = Result<Piece, database::Error>> + 'static,
{
    let page = render(&Table { service: &SERVICE, rows: ROWS })?;
    let (head, tail) = page.split_once(ROWS).unwrap_or((&page, ""));
    let rest = stream::try_unfold(first.last, move |after| {
        let piece = after.map(&next);
        async {
            let Some(piece) = piece else { return Ok(None) };
            let piece = piece.await?;
            Ok(Some((piece.rows, piece.last)))
        }
    });
    let begin = stream::iter([Ok(Bytes::from(head.to_owned())), Ok(first.rows)]);
    let end = stream::iter([Ok::<_, database::Error>(Bytes::from(tail.to_owned()))]);
    Ok(html_stream(begin.chain(rest).chain(end)))
}

/// The next piece of the table, after the id that is asked for.
pub(crate) struct TableAfter;

/// Some rows of the table, as HTML.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// The rows.
    rows: Bytes,
    /// The id of the last one; none where there are no more after it.
    last: Option<u64>,
}

impl Piece {
    /// Rows in a piece: enough that the round trips do not count; few enough that a slow client, for which one is kept,
    /// costs some 80 kB.
    const ROWS: u32 = 512;
}

/// A row of the table.
#[derive(Template)]
#[template(path = "row.html")]
struct Row<'a> {
    location: &'a Location,
}

impl LoadOne for TableAfter {
    type Key = u64;
    type Value = Piece;

    async fn read(connection: &mut MySqlConnection, after: &u64) -> sqlx::Result<Piece> {
        let mut rows = String::with_capacity(Piece::ROWS as usize * 192);
        let mut locations = store::scan(connection, *after, Piece::ROWS);
        let (mut count, mut last) = (0, None);
        let scan = async {
            while let Some(location) = locations.try_next().await? {
                let _ = Row { location: &location }.render_into(&mut rows);
                rows.push('\n');
                (count, last) = (count + 1, Some(location.id));
            }
            Ok(())
        };
        db_span("SELECT locations", scan).await?;
        Ok(Piece { rows: rows.into(), last: last.filter(|_| count == Piece::ROWS) })
    }
}
