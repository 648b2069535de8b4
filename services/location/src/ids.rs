//! Several ids in one parameter of a query.

use std::str::FromStr;

use chassis::http::Limit;
use serde::{Deserialize, Deserializer, de};

/// 1 to [`Limit::MAX`] ids in their order, each of them once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ids(Vec<u64>);

impl Ids {
    pub(crate) fn as_slice(&self) -> &[u64] {
        &self.0
    }
}

impl FromStr for Ids {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ids: Option<Vec<u64>> = text.split(',').map(|id| id.parse().ok().filter(|id| *id > 0)).collect();
        let mut ids = ids
            .filter(|ids| ids.len() <= Limit::MAX as usize)
            .ok_or_else(|| format!("ids have to be 1 to {} numbers from 1 on with commas between them", Limit::MAX))?;
        ids.sort_unstable();
        ids.dedup();
        Ok(Self(ids))
    }
}

impl<'de> Deserialize<'de> for Ids {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Ids;

    #[test]
    fn ids_are_sorted_and_each_is_there_once() {
        assert_eq!("3,1,3,18446744073709551615".parse(), Ok(Ids(vec![1, 3, u64::MAX])));
        assert!(vec!["7"; 200].join(",").parse::<Ids>().is_ok());
        for bad in ["", ",", "1,", "0", "-1", "1,,2", "1 2", "18446744073709551616", &vec!["7"; 201].join(",")] {
            assert!(bad.parse::<Ids>().is_err(), "{bad:?} was taken");
        }
    }
}
