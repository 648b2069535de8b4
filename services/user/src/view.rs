//! Users as callers may see them.

use chassis::{http::Auth, input::Line};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{location_client::Place, model::User};

/// A user as a caller may see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserView {
    /// Given by the database.
    #[schema(minimum = 1, example = 1)]
    pub(crate) id: u64,
    /// Unique.
    #[schema(pattern = "^[a-z][a-z0-9._-]{2,31}$", example = "ada.hansen")]
    pub(crate) username: String,
    /// As the user writes it.
    #[schema(value_type = Line<100>)]
    pub(crate) display_name: String,
    /// Only for callers with the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "email", max_length = 254, example = "ada@example.com")]
    pub(crate) email: Option<String>,
    /// Where the user lives: an id of the location service.
    #[schema(minimum = 1, example = 3_143_244)]
    pub(crate) location_id: Option<u64>,
    /// The place where the user lives, if it could be had; only with `include=location`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Place>, required = false)]
    #[expect(
        clippy::option_option,
        reason = "a place that was not asked for is left out, one that is not there is null"
    )]
    pub(crate) location: Option<Option<Place>>,
    /// Why the place is there or not; only with `include=location`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) location_status: Option<LocationStatus>,
}

/// Why a user's place is there or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LocationStatus {
    /// It is there.
    Found,
    /// The user has none.
    None,
    /// The location service does not know it any more.
    Gone,
    /// The location service is not available now.
    Unavailable,
}

impl UserView {
    pub(crate) fn new(user: User, caller: Auth) -> Self {
        Self {
            id: user.id,
            username: user.username,
            display_name: user.display_name,
            email: (caller == Auth::Authenticated).then_some(user.email),
            location_id: user.location_id,
            location: None,
            location_status: None,
        }
    }

    /// The user with the place, or with the reason why it is not there.
    pub(crate) fn embed(self, status: LocationStatus, place: Option<Place>) -> Self {
        Self { location: Some(place), location_status: Some(status), ..self }
    }
}
