//! The rows of the HTML table, read back from the page.

use anyhow::{Context as _, Result, ensure};
use quick_xml::escape::unescape;

use crate::database::{Location, Row};

/// Fails unless `page` has `rows`, in this order, and no others.
pub(super) fn compare(rows: &[Row<Location>], page: &str) -> Result<()> {
    let mut lines = page.split("<tr><td>").skip(1);
    for Row { item, .. } in rows {
        let line = lines.next().with_context(|| format!("the row of {} is missing", item.id))?;
        let (cells, _) = line.split_once("</td></tr>").with_context(|| format!("the row of {} has no end", item.id))?;
        ensure!(location(cells).as_ref() == Some(item), "{cells} instead of {item:?}");
    }
    let further = lines.next();
    ensure!(further.is_none(), "a row too many: {}", further.unwrap_or_default().chars().take(80).collect::<String>());
    Ok(())
}

fn location(cells: &str) -> Option<Location> {
    let cells = cells.split("</td><td>").map(unescape).collect::<Result<Vec<_>, _>>().ok()?;
    let [id, name, country, region, latitude, longitude, population, timezone] = &cells[..] else { return None };
    Some(Location {
        id: id.parse().ok()?,
        name: name.to_string(),
        country: country.to_string(),
        region: Some(region.to_string()).filter(|region| !region.is_empty()),
        latitude: latitude.parse().ok()?,
        longitude: longitude.parse().ok()?,
        population: population.parse().ok()?,
        timezone: timezone.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u64, name: &str) -> Row<Location> {
        let row = Row::sample(id);
        Row { item: Location { name: name.into(), ..row.item }, ..row }
    }

    fn line(id: u64, name: &str) -> String {
        let rest = "<td>FR</td><td></td><td>48.5</td><td>-2</td><td>20000</td><td>Europe/Paris</td></tr>\n";
        format!("<tr><td>{id}</td><td>{name}</td>{rest}")
    }

    #[test]
    fn a_page_has_all_rows_in_order() {
        let rows = [row(1, "L'Haÿ"), row(2, "A & B")];
        let one = line(1, "L&#39;Haÿ");
        let page = |body: &str| format!("<table><thead><tr><th>id</th></tr></thead><tbody>{body}</tbody></table>");
        for name in ["A &amp; B", "A &#38; B", "A &#x26; B", "A &#038; B"] {
            let page = page(&format!("{one}{}", line(2, name)));
            compare(&rows, &page).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let two = line(2, "A &amp; B");
        for (body, reason) in [
            (one.clone(), "the row of 2 is missing"),
            (format!("{two}{one}"), "2</td>"),
            (format!("{one}{two}{one}"), "a row too many: 1</td>"),
            (format!("{one}{}", line(2, "A")), "2</td><td>A</td>"),
            (format!("{one}{}", line(2, "A & B")), "2</td><td>A & B</td>"),
        ] {
            let error = compare(&rows, &page(&body)).expect_err(reason).to_string();
            assert!(error.starts_with(reason), "{error}");
        }
    }
}
