//! What is read for several callers at once.

use std::rc::Rc;

use chassis::{
    database::coalescing::{LoadMany, LoadOne, Loader, SingleFlight},
    http::{Auth, Limit, Page},
};
use sqlx::MySqlConnection;

use crate::{model::User, store, view::UserView};

/// The reads of one worker that are answered together.
#[derive(Default)]
pub(crate) struct Loaders {
    /// Users by id.
    pub(crate) by_id: Loader<ById>,
    /// Pages.
    pub(crate) pages: SingleFlight<PageOf>,
}

/// Users by id.
pub(crate) struct ById;

impl LoadMany for ById {
    type Key = u64;
    type Value = User;

    async fn read(connection: &mut MySqlConnection, ids: &[u64]) -> sqlx::Result<Vec<(u64, User)>> {
        let users = store::find(connection, ids).await?;
        Ok(users.into_iter().map(|user| (user.id, user)).collect())
    }
}

/// A page of users.
pub(crate) struct PageOf;

/// Which page, and who may see it: nobody is given what was read for another kind of caller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Selection {
    /// Who asks.
    pub(crate) caller: Auth,
    /// Only users with an id above this.
    pub(crate) after: u64,
    /// How many of them.
    pub(crate) limit: Limit,
}

impl Selection {
    /// The path of the page that comes after the user with that id, or of the first one.
    pub(crate) fn path(&self, after: Option<u64>) -> String {
        let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
        format!("/users?limit={}{after}", self.limit.get())
    }
}

impl LoadOne for PageOf {
    type Key = Selection;
    type Value = Rc<Page<UserView>>;

    async fn read(connection: &mut MySqlConnection, selection: &Selection) -> sqlx::Result<Rc<Page<UserView>>> {
        let Selection { caller, after, limit } = *selection;
        let users = store::list(connection, after, limit).await?;
        let users = users.into_iter().map(|user| UserView::new(user, caller)).collect();
        Ok(Rc::new(Page::cut(users, limit, |last| selection.path(Some(last.id)))))
    }
}
