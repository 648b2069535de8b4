//! Lists, a page at a time.

use std::{cell::OnceCell, str::FromStr};

use actix_web::{
    HttpResponse,
    http::header::{ContentType, LINK},
    web::Bytes,
};
use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::ToSchema;

/// How many items a page may have: 1 to [`Limit::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Limit(u32);

impl Limit {
    /// The most items on a page: what one answer may cost the database and the client has a bound.
    pub const MAX: u32 = 200;

    /// `limit` items.
    ///
    /// # Panics
    /// Panics where `limit` is out of bounds: it is for constants.
    #[must_use]
    pub const fn new(limit: u32) -> Self {
        assert!(limit >= 1 && limit <= Self::MAX, "a page has 1 to 200 items");
        Self(limit)
    }

    /// The number of items.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse()
            .ok()
            .filter(|limit| (1..=Self::MAX).contains(limit))
            .map(Self)
            .ok_or_else(|| format!("limit has to be a number from 1 to {}", Self::MAX))
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The id after which a page begins; 0 for the first page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct After(u64);

impl After {
    /// The largest id: the document says `int64`, as many languages have no larger integer.
    const MAX: u64 = i64::MAX as u64;

    /// The id.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for After {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let after = String::deserialize(deserializer)?.parse().ok().filter(|after| *after <= Self::MAX);
        after.map(Self).ok_or_else(|| de::Error::custom(format!("after has to be a number from 0 to {}", Self::MAX)))
    }
}

/// For a parameter of a query that may be left empty, as forms do with fields that nobody filled in.
pub fn absent_if_empty<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: std::fmt::Display>,
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(de::Error::custom) }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// What is on this page, in the order of the ids.
    pub items: Vec<T>,
    /// Where the next page is; null on the last one.
    pub next: Option<String>,
    /// The page as it is sent, made once for all who share it.
    #[serde(skip)]
    #[schema(ignore)]
    json: OnceCell<Bytes>,
}

impl<T: Serialize> Page<T> {
    /// Cuts `rows`, of which one more than `limit` was asked for, down to a page; `next` makes the path of the next
    /// page from the last item on this one.
    pub fn cut(mut rows: Vec<T>, limit: Limit, next: impl FnOnce(&T) -> String) -> Self {
        let more = rows.len() > limit.0 as usize;
        rows.truncate(limit.0 as usize);
        let next = rows.last().filter(|_| more).map(next);
        Self { items: rows, next, json: OnceCell::new() }
    }

    /// The page as an answer, with the next one also in a `Link` header (RFC 8288).
    #[must_use]
    pub fn answer(&self) -> HttpResponse {
        let mut answer = HttpResponse::Ok();
        if let Some(next) = &self.next {
            answer.insert_header((LINK, format!("<{next}>; rel=\"next\"")));
        }
        let json = self.json.get_or_init(|| serde_json::to_vec(self).unwrap_or_default().into());
        answer.content_type(ContentType::json()).body(json.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_next_one_only_if_a_row_is_left_over() {
        let page = Page::cut(vec![1, 2, 3], Limit::new(2), |last| format!("/numbers?after={last}"));
        assert_eq!((page.items, page.next.as_deref()), (vec![1, 2], Some("/numbers?after=2")));
        let page = Page::cut(vec![1, 2], Limit::new(2), |last| format!("/numbers?after={last}"));
        assert_eq!((page.items, page.next), (vec![1, 2], None));
    }
}
