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
            let (variable, given) = (*variable, value.clone());
            let mut reader = Reader::new(move |name| (name == variable).then(|| given.clone()));
            for service in [location::SERVICE, user::SERVICE] {
                let _ = (server::Settings::read(&service, &mut reader), telemetry::Settings::read(&mut reader));
            }
            let Err(invalid) = reader.finish() else {
                return Err(TestCaseError::fail("nothing is missed where all but one are unset"));
            };
            let told = invalid.to_string();
            let refused = invalid.0.iter().any(|fault| fault.variable == variable);
            *tally.entry(if refused { "refused" } else { "taken" }.into()).or_default() += 1;
            let said = reader.warnings().into_iter().fold(told, |said, warning| said + &warning.problem);
            // Any value may be a secret at the wrong place. What is short is in any text by chance.
            if value.trim().len() > 8 {
                prop_assert!(!said.contains(value.trim()), "{variable}: {said}");
            }
        }
        Ok(())
    });
}
