//! Settings.

use chassis::{server, settings::Reader, telemetry};
use proptest::prelude::*;

use super::exploration::explore;

#[test]
fn any_value_is_taken_or_refused_by_name_and_never_repeated() {
    let variables: Vec<&'static str> = [location::SERVICE, user::SERVICE]
        .iter()
        .flat_map(|service| {
            let mut reader = Reader::new(|_| None);
            let _ = (server::Settings::read(service, &mut reader), telemetry::Settings::read(&mut reader));
            reader.asked().iter().copied().collect::<Vec<_>>()
        })
        .collect();
    explore("settings", |value, tally| {
        let value = String::from_utf8_lossy(value).into_owned();
        for variable in &variables {
            let Some((refused, said)) = read(variable, value.clone()) else {
                return Err(TestCaseError::fail("nothing is missed where all but one are unset"));
            };
            *tally.entry(if refused { "refused" } else { "taken" }.into()).or_default() += 1;
            // Any value may be a secret at the wrong place. What is short is in any text by chance, and a part of a
            // choice, such as `verify-id`, in the list of choices.
            if value.trim().len() > 8 && said.contains(value.trim()) {
                let (_, of_another) = read(variable, "\u{1}".to_owned()).unwrap_or_default();
                prop_assert!(of_another.contains(value.trim()), "{variable}: {said}");
            }
        }
        Ok(())
    });
}

/// Reads the settings of both services with that variable alone: whether it was refused, and all that is said. Nothing where
/// no setting was missed.
fn read(variable: &'static str, value: String) -> Option<(bool, String)> {
    let mut reader = Reader::new(move |name| (name == variable).then(|| value.clone()));
    for service in [location::SERVICE, user::SERVICE] {
        let _ = (server::Settings::read(&service, &mut reader), telemetry::Settings::read(&mut reader));
    }
    let invalid = reader.finish().err()?;
    let refused = invalid.0.iter().any(|fault| fault.variable == variable);
    let said = reader.warnings().into_iter().fold(invalid.to_string(), |said, warning| said + &warning.problem);
    Some((refused, said))
}
