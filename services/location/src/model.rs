//! What a location is.

use std::str::FromStr;

use chassis::{
    http::{Problem, Revision},
    input::{Line, ValidationErrors, whole_number},
};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use utoipa::ToSchema;

use crate::geography::{Coordinates, Latitude, Longitude};

/// Ten times what the Earth has; above it, a population is a slip.
const MAX_POPULATION: u64 = 100_000_000_000;

/// A place.
#[derive(Clone, Debug, PartialEq, Serialize, FromRow, ToSchema)]
pub struct Location {
    /// GeoNames id, or one of over a billion for a place that was added here.
    #[schema(minimum = 1, example = 3_143_244)]
    pub id: u64,
    /// Name.
    #[schema(value_type = Line<200>)]
    pub name: String,
    /// ISO 3166-1 alpha-2 code.
    #[schema(pattern = "^[A-Z]{2}$", example = "NO")]
    pub country: String,
    /// First-level administrative division, GeoNames admin1 code.
    #[schema(value_type = Option<Line<20>>)]
    pub region: Option<String>,
    /// Degrees north, WGS 84.
    #[schema(minimum = -90, maximum = 90, example = 59.913)]
    pub latitude: f64,
    /// Degrees east, WGS 84.
    #[schema(minimum = -180, maximum = 180, example = 10.739)]
    pub longitude: f64,
    /// Inhabitants.
    #[schema(maximum = 100_000_000_000_u64, example = 580_000)]
    pub population: u64,
    /// IANA time zone.
    #[schema(pattern = "^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$", max_length = 64, example = "Europe/Oslo")]
    pub timezone: String,
    /// The version, which goes into the ETag.
    #[serde(skip)]
    #[schema(ignore)]
    pub version: u64,
}

impl Location {
    /// The version for ETag and `If-Match`.
    #[must_use]
    pub fn version(&self) -> Revision {
        Revision(self.version)
    }

    /// Where to find it.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/locations/{}", self.id)
    }
}

/// A location as a client sends it.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LocationBody {
    /// Name, 1 to 200 characters.
    #[schema(value_type = Line<200>)]
    name: String,
    /// ISO 3166-1 alpha-2 code.
    #[schema(pattern = "^[A-Z]{2}$", example = "NO")]
    country: String,
    /// First-level administrative division, up to 20 characters.
    #[serde(default)]
    #[schema(value_type = Option<Line<20>>)]
    region: Option<String>,
    /// Degrees north, WGS 84.
    #[schema(minimum = -90, maximum = 90, example = 59.913)]
    latitude: f64,
    /// Degrees east, WGS 84.
    #[schema(minimum = -180, maximum = 180, example = 10.739)]
    longitude: f64,
    /// Inhabitants.
    #[serde(deserialize_with = "whole_number")]
    #[schema(maximum = 100_000_000_000_u64, example = 580_000)]
    population: u64,
    /// IANA time zone.
    #[schema(pattern = "^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$", max_length = 64, example = "Europe/Oslo")]
    timezone: String,
}

/// A location that is valid, and not stored yet.
#[derive(Clone, Debug, PartialEq)]
pub struct NewLocation {
    pub(crate) name: Line<200>,
    pub(crate) country: Country,
    pub(crate) region: Option<Line<20>>,
    pub(crate) coordinates: Coordinates,
    pub(crate) population: u64,
    pub(crate) timezone: TimeZone,
}

impl NewLocation {
    /// The location in `body`, or everything that is wrong with it.
    pub fn parse(body: LocationBody) -> Result<Self, Problem> {
        let mut faults = ValidationErrors::default();
        let name = faults.take("name", Line::parse(body.name));
        let country = faults.take("country", body.country.parse());
        let region = faults.take("region", body.region.map(Line::parse).transpose());
        let latitude = faults.take("latitude", Latitude::try_from(body.latitude));
        let longitude = faults.take("longitude", Longitude::try_from(body.longitude));
        let population = faults.take("population", parse_population(body.population));
        let timezone = faults.take("timezone", body.timezone.parse());
        let location = (|| {
            Some(Self {
                name: name?,
                country: country?,
                region: region?,
                coordinates: Coordinates::new(latitude?, longitude?),
                population: population?,
                timezone: timezone?,
            })
        })();
        faults.finish(location)
    }

    /// The location as it is once it is stored.
    #[must_use]
    pub fn stored(self, id: u64, version: u64) -> Location {
        Location {
            id,
            name: self.name.into_inner(),
            country: self.country.0,
            region: self.region.map(Line::into_inner),
            latitude: self.coordinates.latitude(),
            longitude: self.coordinates.longitude(),
            population: self.population,
            timezone: self.timezone.0,
            version,
        }
    }
}

fn parse_population(inhabitants: u64) -> Result<u64, String> {
    if inhabitants <= MAX_POPULATION {
        Ok(inhabitants)
    } else {
        Err(format!("a population has to be from 0 to {MAX_POPULATION}"))
    }
}

/// A country's ISO 3166-1 alpha-2 code. Its form is checked, not its existence: codes come and go, and GeoNames has
/// `XK` for Kosovo.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Country(String);

impl Country {
    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Country {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a country has to be an ISO 3166-1 alpha-2 code: two upper-case letters, such as NO".to_owned())
        }
    }
}

/// The name of an IANA time zone. Its form is checked, not its existence: which there are depends on the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZone(String);

impl TimeZone {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TimeZone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let part = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
        };
        if text.len() <= 64 && text.split('/').all(part) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a time zone has to be the name of an IANA time zone, such as Europe/Oslo".to_owned())
        }
    }
}
