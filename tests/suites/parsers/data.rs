//! Data files.

use location::seed::read;

use super::exploration::explore;

#[test]
fn any_file_is_places_or_refused_with_the_reason() {
    explore("places", |file, tally| {
        let outcome = match read(file) {
            Ok(places) if places.is_empty() => "empty",
            Ok(_) => "taken",
            Err(_) => "refused",
        };
        *tally.entry(outcome.into()).or_default() += 1;
        Ok(())
    });
}
