//! Whether two JSON values say the same. Languages write the same number in several ways.

use serde_json::Value;

/// Sines and roots differ in their last digits from one library to the next, which is micrometres; this is a millimetre.
const DISTANCE_TOLERANCE_M: f64 = 1e-3;
/// How far the radii of the Earth that are in use lie apart, as a part of them.
const RADIUS_TOLERANCE: f64 = 1e-6;

/// What is different, as the path to it; `None` where nothing is.
pub(super) fn difference(expected: &Value, found: &Value) -> Option<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let added = found.iter().find(|(name, _)| !expected.contains_key(*name));
            if let Some((name, value)) = added {
                return Some(format!(".{name}: {value} where nothing was expected"));
            }
            expected.iter().find_map(|(name, value)| {
                let found = found.get(name);
                let same = name == "distance_m" && found.is_some_and(|found| is_as_far(value, found));
                let missing = || Some(format!(": missing, {value} was expected"));
                let inner = if same { None } else { found.map_or_else(missing, |found| difference(value, found)) };
                inner.map(|inner| format!(".{name}{inner}"))
            })
        }
        (Value::Array(expected), Value::Array(found)) => {
            if expected.len() != found.len() {
                return Some(format!(": {} items where {} were expected", found.len(), expected.len()));
            }
            let mut pairs = expected.iter().zip(found).enumerate();
            pairs.find_map(|(index, (expected, found))| Some(format!("[{index}]{}", difference(expected, found)?)))
        }
        _ if expected == found || is_same_number(expected, found) => None,
        _ => Some(format!(": {found} where {expected} was expected")),
    }
}

/// `59` and `59.0` are the same.
fn is_same_number(one: &Value, other: &Value) -> bool {
    one.is_number() && one.as_f64() == other.as_f64()
}

fn is_as_far(one: &Value, other: &Value) -> bool {
    let (Some(one), Some(other)) = (one.as_f64(), other.as_f64()) else { return false };
    (one - other).abs() <= DISTANCE_TOLERANCE_M + RADIUS_TOLERANCE * one
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_compared_by_value() {
        let expected = json!({"id": 1, "latitude": 59.0, "region": null});
        assert_eq!(difference(&expected, &json!({"region": null, "latitude": 59, "id": 1})), None);
    }

    #[test]
    fn differences_are_told_with_their_place() {
        let expected = json!({"items": [{"id": 1, "name": "Oslo"}], "next": null});
        for (found, told) in [
            (json!({"items": [{"id": 1, "name": "Bergen"}], "next": null}), ".items[0].name: \"Bergen\""),
            (json!({"items": [{"id": "1", "name": "Oslo"}], "next": null}), ".items[0].id: \"1\""),
            (json!({"items": [], "next": null}), ".items: 0 items where 1"),
            (json!({"items": [{"id": 1, "name": "Oslo"}]}), ".next: missing"),
            (json!({"items": [{"id": 1, "name": "Oslo", "x": 1}], "next": null}), ".items[0].x: 1 where nothing"),
        ] {
            let difference = difference(&expected, &found).expect("they differ");
            assert!(difference.starts_with(told), "{difference}");
        }
    }

    #[test]
    fn distances_may_differ_in_their_last_digits() {
        let far = |metres: f64| json!({"distance_m": metres});
        assert_eq!(difference(&far(12_345.678_9), &far(12_345.679)), None);
        assert!(difference(&far(12_345.6), &far(12_346.0)).is_some());
    }
}
