//! What countries are called (GeoNames, CC BY 4.0; see `data/README.md`).

use std::{collections::HashMap, sync::LazyLock};

static NAMES: LazyLock<HashMap<&str, &str>> =
    LazyLock::new(|| include_str!("../data/countries.tsv").lines().filter_map(|line| line.split_once('\t')).collect());

/// The English name of the country with that ISO 3166-1 alpha-2 code; the code itself where it has none.
#[must_use]
pub fn name(code: &str) -> &str {
    NAMES.get(code).copied().unwrap_or(code)
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_code_without_a_country_is_its_own_name() {
        assert_eq!((name("NO"), name("CI"), name("ZZ")), ("Norway", "Ivory Coast", "ZZ"));
    }
}
