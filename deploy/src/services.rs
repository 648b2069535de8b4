//! The services that are deployed, as their own code describes them.

use chassis::Service;

/// In the order in which they are deployed: the user service asks the location service.
pub(crate) static SERVICES: [&Service; 2] = [&location::SERVICE, &user::SERVICE];

/// The service called `name`, which is one of [`names`].
pub(crate) fn named(name: &str) -> &'static Service {
    SERVICES.into_iter().find(|service| service.name == name).expect("a known name")
}

/// Their names.
pub(crate) fn names() -> Vec<&'static str> {
    SERVICES.iter().map(|service| service.name).collect()
}

/// `location` as `Location`: how the outputs that belong to a service begin.
pub(crate) fn prefix(service: &str) -> String {
    let mut letters = service.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}
