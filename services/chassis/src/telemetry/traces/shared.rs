//! Statements that answer several requests. Each of these has a span for as long as it waits. The statement is shown under
//! that of the first, and linked with those of all the others, in both directions: from every request one gets to the
//! statement that served it, and from there to the others that it served.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
};

use opentelemetry::{
    Context, KeyValue,
    trace::{Link, Span as _, SpanContext, SpanKind, TraceContextExt as _},
};
use opentelemetry_sdk::trace::Span;

use super::{child, within};

/// A request that waits for a statement which it may share with others; until this is dropped.
pub(crate) struct Waiting(RefCell<Span>);

impl Waiting {
    /// Begins to wait, where the trace of the request is recorded.
    pub(crate) fn begin() -> Option<Rc<Self>> {
        child(SpanKind::Internal, "shared read", |span, _| span).map(|span| Rc::new(Self(RefCell::new(span))))
    }

    fn context(&self) -> SpanContext {
        self.0.borrow().span_context().clone()
    }

    fn served_by(&self, Statement { context, summary }: &Statement) {
        let mut span = self.0.borrow_mut();
        span.add_link(context.clone(), Vec::new());
        span.set_attribute(KeyValue::new("db.query.summary", *summary));
    }
}

/// Those whom the statements of a context answer.
#[derive(Clone)]
pub(super) struct Group(Arc<Inner>);

struct Inner {
    /// All but the first, under whose span the statements are.
    others: Vec<SpanContext>,
    statements: Mutex<Vec<Statement>>,
}

/// A statement that was made for a group.
struct Statement {
    context: SpanContext,
    summary: &'static str,
}

impl Group {
    /// A group of those, and the context in which the statements for it are to be made.
    fn of(requests: &[Rc<Waiting>]) -> Option<(Context, Self)> {
        let (first, others) = requests.split_first()?;
        let others = others.iter().map(|request| request.context()).collect();
        let group = Self(Arc::new(Inner { others, statements: Mutex::default() }));
        Some((Context::new().with_remote_span_context(first.context()).with_value(group.clone()), group))
    }

    /// Shows all of those what served them.
    fn answered(&self, requests: &[Rc<Waiting>]) {
        for statement in &*self.0.statements.lock().unwrap_or_else(PoisonError::into_inner) {
            for request in requests {
                request.served_by(statement);
            }
        }
    }

    pub(super) fn links(&self) -> Vec<Link> {
        self.0.others.iter().cloned().map(Link::with_context).collect()
    }

    /// Notes a statement that is made for the group.
    pub(super) fn asks(&self, context: SpanContext, summary: &'static str) {
        self.0.statements.lock().unwrap_or_else(PoisonError::into_inner).push(Statement { context, summary });
    }
}

/// Does `work`, which answers all those. Where nobody waits, it is done for the request that is being worked on.
pub(crate) async fn with_span_links<'a, T>(
    waiting: impl Iterator<Item = &'a Rc<Waiting>>,
    work: impl Future<Output = T>,
) -> T {
    let mut requests: Vec<Rc<Waiting>> = Vec::new();
    for one in waiting {
        // A request may ask for several things, one after the other.
        if requests.last().is_none_or(|last| !Rc::ptr_eq(last, one)) {
            requests.push(Rc::clone(one));
        }
    }
    let group = Group::of(&requests);
    let done = within(group.as_ref().map(|(context, _)| context.clone()), work).await;
    if let Some((_, group)) = group {
        group.answered(&requests);
    }
    done
}
