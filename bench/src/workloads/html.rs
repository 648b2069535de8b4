//! The page with the whole table: its rows, read back from the page.

use std::borrow::Cow;

use crate::database::LocationRow;

/// Whether a page has these rows, in this order, and no other; else what is different.
pub(super) fn difference(rows: &[LocationRow], page: &str) -> Option<String> {
    let mut found = page.split("<tr><td>").skip(1);
    for row in rows {
        let Some(line) = found.next() else { return Some(format!("the row of {} is missing", row.id)) };
        let Some((cells, _)) = line.split_once("</td></tr>") else {
            return Some(format!("the row of {} has no end", row.id));
        };
        if !is_of(row, cells) {
            return Some(format!("<tr><td>{cells}</td></tr> is not of {}", row.json()));
        }
    }
    found.next().map(|line| format!("a row more than there are: {}", line.chars().take(80).collect::<String>()))
}

fn is_of(row: &LocationRow, cells: &str) -> bool {
    let cells: Vec<_> = cells.split("</td><td>").map(unescaped).collect();
    let [id, name, country, region, latitude, longitude, population, timezone] = &cells[..] else { return false };
    let texts = [(name, &row.name), (country, &row.country), (timezone, &row.timezone)];
    // Languages write the same number in several ways.
    let degrees = [(latitude, row.latitude), (longitude, row.longitude)];
    texts.iter().all(|(cell, text)| cell == text)
        && *region == row.region.as_deref().unwrap_or_default()
        && *id == row.id.to_string()
        && *population == row.population.to_string()
        && degrees.iter().all(|(cell, degrees)| cell.parse() == Ok(*degrees))
}

/// The text that HTML stands for. Characters are escaped by name, by number, or by number in hexadecimal.
fn unescaped(html: &str) -> Cow<'_, str> {
    let mut pieces = html.split('&');
    let first = pieces.next().unwrap_or_default();
    if first.len() == html.len() {
        return html.into();
    }
    let mut text = first.to_owned();
    for piece in pieces {
        match piece.split_once(';').and_then(|(entity, rest)| Some((character(entity)?, rest))) {
            Some((character, rest)) => {
                text.push(character);
                text.push_str(rest);
            }
            // Not escaped: no text of ours.
            None => return html.into(),
        }
    }
    text.into()
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u64, name: &str) -> LocationRow {
        LocationRow { name: name.into(), ..LocationRow::sample(id) }
    }

    fn line(id: u64, name: &str) -> String {
        format!(
            "<tr><td>{id}</td><td>{name}</td><td>FR</td><td></td><td>48.5</td><td>-2</td><td>20000</td>\
             <td>Europe/Paris</td></tr>\n"
        )
    }

    #[test]
    fn characters_have_several_spellings() {
        for html in ["A & B", "A &amp; B", "A &#38; B", "A &#x26; B", "A &#038; B"] {
            assert_eq!(unescaped(html), "A & B", "{html}");
        }
        assert_eq!(unescaped("&amp;lt; &#39;"), "&lt; '");
    }

    #[test]
    fn a_page_has_all_rows_in_order() {
        let rows = [row(1, "L'Haÿ"), row(2, "A & B")];
        let (one, two) = (line(1, "L&#39;Haÿ"), line(2, "A &amp; B"));
        let page = |body: &str| format!("<table><thead><tr><th>id</th></tr></thead><tbody>{body}</tbody></table>");
        assert_eq!(difference(&rows, &page(&format!("{one}{two}"))), None);
        for (body, told) in [
            (one.clone(), "the row of 2 is missing"),
            (format!("{two}{one}"), "<tr><td>2</td>"),
            (format!("{one}{two}{one}"), "a row more than there are: 1</td>"),
            (format!("{one}{}", line(2, "A")), "<tr><td>2</td><td>A</td>"),
        ] {
            let difference = difference(&rows, &page(&body)).expect("they differ");
            assert!(difference.starts_with(told), "{difference}");
        }
    }
}
