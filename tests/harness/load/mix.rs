//! What a load consists of: reads and writes of one service, in fixed shares.

use std::{convert::Infallible, time::Duration};

use futures_util::{StreamExt as _, stream};
use http::{
    Method,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use reqwest::{Body, RequestBuilder};
use serde_json::Value;
use tokio::time::sleep;

use crate::{Client, ada, oslo, with};

/// How far the second half of a [slow write](Kind::SlowWrite) is behind the first: longer than it takes an orchestrator to
/// have a task leave the balancer and to stop it, so that draining is the task's own affair; and well within the 10 s that
/// the services wait for a body.
pub const SLOW_BODY: Duration = Duration::from_secs(5);

/// How many users the user service's sample data have: their ids count from 1.
const SAMPLE_USERS: u32 = 1_000;

/// Which service is asked, and for what. Reads expect its sample data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// The location service: a place, pages of places, and new places.
    Location,
    /// The user service: users with and without their place, pages of users, and new users.
    User,
    /// Any service, for what it answers without asking another one.
    Alive,
}

/// What a request is, and so whether a balancer may send it twice. Of 20 requests 16 are reads, one is a keyed write,
/// two are writes, and one is a slow write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A read.
    Read,
    /// A write with an `Idempotency-Key`.
    KeyedWrite,
    /// A write without one.
    Write,
    /// A write without one, from a client on a slow line: its body comes in two halves, [`SLOW_BODY`] apart. With them
    /// every task has something under way at nearly all times, and one that does not finish what it has accepted is
    /// found out.
    SlowWrite,
}

impl Kind {
    /// Whether to send it twice cannot mean to do it twice.
    pub fn may_be_repeated(self) -> bool {
        matches!(self, Self::Read | Self::KeyedWrite)
    }
}

impl Mix {
    /// The kind of the request of that number: each at even distances.
    pub(super) fn kind(self, number: u32) -> Kind {
        match (self, number % 20) {
            (Self::Location | Self::User, 0) => Kind::KeyedWrite,
            (Self::Location | Self::User, 5 | 15) => Kind::Write,
            (Self::Location | Self::User, 10) => Kind::SlowWrite,
            _ => Kind::Read,
        }
    }

    /// The request of that number, which is of its [kind](Self::kind).
    pub(super) fn request(self, client: &Client, number: u32) -> RequestBuilder {
        let write = || client.authorized(Method::POST, self.collection());
        match self.kind(number) {
            Kind::Read => client.request(Method::GET, &self.path(number)),
            Kind::KeyedWrite => {
                write().header("idempotency-key", format!("load-{:x}", fastrand::u128(..))).json(&self.new_item())
            }
            Kind::Write => write().json(&self.new_item()),
            Kind::SlowWrite => in_halves(write(), self.new_item().to_string(), SLOW_BODY),
        }
    }

    /// Where writes go, if there are any.
    fn collection(self) -> &'static str {
        match self {
            Self::Location => "/locations",
            Self::User => "/users",
            Self::Alive => "/livez",
        }
    }

    /// What the read of that number reads: one in eight a page, and of the users one in four with the place.
    fn path(self, number: u32) -> String {
        let user = 1 + number % SAMPLE_USERS;
        match (self, number % 10) {
            (Self::Location, 2) => "/locations?country=NO&limit=20".into(),
            (Self::Location, _) => "/locations/3143244".into(),
            (Self::User, 2) => "/users?limit=20".into(),
            (Self::User, 4 | 8) => format!("/users/{user}?include=location"),
            (Self::User, _) => format!("/users/{user}"),
            (Self::Alive, _) => "/livez".into(),
        }
    }

    /// What a write makes: no other load has made it, so that it never is a duplicate.
    fn new_item(self) -> Value {
        let name = format!("load-{:x}", fastrand::u64(..));
        match self {
            Self::Location | Self::Alive => with(oslo(), "name", name),
            Self::User => with(with(ada(), "email", format!("{name}@example.com")), "username", name),
        }
    }
}

/// `request` with a JSON body that comes in two halves, `apart` from each other. Its length is told at the start, as of a
/// body that comes at once.
pub fn in_halves(request: RequestBuilder, body: String, apart: Duration) -> RequestBuilder {
    let mut first = body.into_bytes();
    let length = first.len();
    let second = first.split_off(length / 2);
    let halves = stream::once(async { first }).chain(stream::once(async move {
        sleep(apart).await;
        second
    }));
    request
        .header(CONTENT_TYPE, "application/json")
        .header(CONTENT_LENGTH, length)
        .body(Body::wrap_stream(halves.map(Ok::<_, Infallible>)))
}
