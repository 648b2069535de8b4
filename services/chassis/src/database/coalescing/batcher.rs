//! One read under way at a time, and those who wait for the next.

use std::{
    cell::{Cell, RefCell},
    mem,
    pin::pin,
    rc::Rc,
    thread,
};

use actix_web::rt;
use tokio::{sync::oneshot, task::yield_now, time::timeout};

use super::MAX_WAIT;
use crate::{
    database::{Error, Unavailable},
    telemetry::Waiting as Traced,
};

/// One read under way at a time, and those who wait for the next. Where requests come one by one it stays out of the
/// way: each reads for itself.
pub(super) struct Batcher<Q, A> {
    waiting: RefCell<Waiting<Q, A>>,
    occupied: Cell<bool>,
    traffic: Rc<InFlight>,
}

/// What goes on in the lanes of one kind of read.
#[derive(Default)]
pub(super) struct InFlight {
    /// How many reads are under way.
    under_way: Cell<usize>,
    /// Whether the last read answered more than one request: the next ones are then likely to have company as well.
    busy: Cell<bool>,
}

impl InFlight {
    /// Whether nobody else seems to ask.
    fn is_quiet(&self) -> bool {
        self.under_way.get() == 0 && !self.busy.get()
    }
}

/// Those who take part in the next read.
struct Waiting<Q, A> {
    callers: Vec<Waiter<Q, A>>,
    /// From how many requests they are.
    requests: usize,
}

/// A caller: what it asks, and where its answer goes.
pub(super) struct Waiter<Q, A> {
    pub(super) question: Q,
    /// The request, as its trace shows it while it waits; nothing where it reads for itself, or is in no trace.
    pub(super) traced: Option<Rc<Traced>>,
    answer: oneshot::Sender<Result<A, Error>>,
}

impl<Q, A> Waiter<Q, A> {
    fn new(question: Q) -> (Self, Answer<A>) {
        let (answer, answered) = oneshot::channel();
        (Self { question, traced: None, answer }, answered)
    }

    /// Answers, unless the caller has gone away.
    pub(super) fn answer(self, answer: Result<A, Error>) {
        let _ = self.answer.send(answer);
    }
}

/// Where a caller is told its answer.
type Answer<A> = oneshot::Receiver<Result<A, Error>>;

async fn received<A>(answer: Answer<A>) -> Result<A, Error> {
    answer.await.unwrap_or(Err(Error::Unavailable(Unavailable::BrokenOff)))
}

impl<Q, A> Default for Waiting<Q, A> {
    fn default() -> Self {
        Self { callers: Vec::new(), requests: 0 }
    }
}

impl<Q: 'static, A: 'static> Batcher<Q, A> {
    /// A lane beside the others of the same `traffic`.
    pub(super) fn new(traffic: &Rc<InFlight>) -> Rc<Self> {
        Rc::new(Self { waiting: RefCell::default(), occupied: Cell::new(false), traffic: Rc::clone(traffic) })
    }

    /// The answer to `question`. Takes part in the next read, which begins at once if none is under way. Where one has
    /// to be begun, `reader` gives what answers those who wait.
    pub(super) async fn ask<R>(self: Rc<Self>, question: Q, reader: impl FnOnce() -> R) -> Result<A, Error>
    where
        R: AsyncFn(Vec<Waiter<Q, A>>) + Clone + 'static,
    {
        let (caller, answer) = Waiter::new(question);
        self.take_part(vec![caller], reader).await;
        received(answer).await
    }

    /// The answers to all `questions` of a request, in their order, from one read.
    pub(super) async fn ask_all<R>(
        self: Rc<Self>,
        questions: impl IntoIterator<Item = Q>,
        reader: impl FnOnce() -> R,
    ) -> Result<Vec<A>, Error>
    where
        R: AsyncFn(Vec<Waiter<Q, A>>) + Clone + 'static,
    {
        let (callers, answers): (Vec<_>, Vec<_>) = questions.into_iter().map(Waiter::new).unzip();
        self.take_part(callers, reader).await;
        let mut found = Vec::with_capacity(answers.len());
        for answer in answers {
            found.push(received(answer).await?);
        }
        Ok(found)
    }

    async fn take_part<R>(self: Rc<Self>, mut callers: Vec<Waiter<Q, A>>, reader: impl FnOnce() -> R)
    where
        R: AsyncFn(Vec<Waiter<Q, A>>) + Clone + 'static,
    {
        if self.traffic.is_quiet() {
            // A task and a timer for nobody but this request would cost it a tenth of its time.
            let _under_way = InFlightGuard::begin(&self.traffic);
            return reader()(callers).await;
        }
        if let Some(traced) = Traced::begin() {
            for caller in &mut callers {
                caller.traced = Some(Rc::clone(&traced));
            }
        }
        let mut waiting = self.waiting.borrow_mut();
        waiting.callers.extend(callers);
        waiting.requests += 1;
        drop(waiting);
        if !self.occupied.replace(true) {
            // As a task of its own: it runs once the requests that are there have been looked at, so that those that
            // came at the same time are in the first read, and it goes on when the caller that began it goes away.
            rt::spawn(self.run(reader()));
        }
    }

    async fn run<R>(self: Rc<Self>, read: R)
    where
        R: AsyncFn(Vec<Waiter<Q, A>>) + Clone + 'static,
    {
        let _under_way = InFlightGuard::begin(&self.traffic);
        let turn = RunGuard(&self);
        loop {
            let Waiting { mut callers, requests } = mem::take(&mut *self.waiting.borrow_mut());
            callers.retain(|caller| !caller.answer.is_closed());
            if callers.is_empty() {
                return;
            }
            self.traffic.busy.set(requests > 1);
            let mut reading = pin!(read(callers));
            if timeout(MAX_WAIT, reading.as_mut()).await.is_err() {
                drop(turn);
                if !self.waiting.borrow().callers.is_empty() {
                    self.occupied.set(true);
                    rt::spawn(Rc::clone(&self).run(read.clone()));
                }
                reading.await;
                return;
            }
            // Those who were answered go on first, and whoever asks meanwhile is in the next read: fewer and larger
            // ones, for a seventh more requests a second from the same processors.
            yield_now().await;
        }
    }
}

/// A read is under way while this is there.
struct InFlightGuard<'a>(&'a InFlight);

impl<'a> InFlightGuard<'a> {
    fn begin(traffic: &'a InFlight) -> Self {
        traffic.under_way.update(|count| count + 1);
        Self(traffic)
    }
}

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        self.0.under_way.update(|count| count - 1);
    }
}

/// The lane is occupied while this is there.
struct RunGuard<'a, Q, A>(&'a Batcher<Q, A>);

impl<Q, A> Drop for RunGuard<'_, Q, A> {
    fn drop(&mut self) {
        self.0.occupied.set(false);
        if thread::panicking() {
            // Nobody else would tell them.
            mem::take(&mut *self.0.waiting.borrow_mut());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, task::Poll};

    use futures_util::{FutureExt as _, future::join_all};
    use tokio::sync::Notify;

    use super::*;

    type Log = Rc<RefCell<Vec<Vec<u32>>>>;

    /// Notes the questions of a read and answers them with themselves. The question 0 waits for `gate` first.
    fn reader(log: &Log, gate: &Rc<Notify>) -> impl AsyncFn(Vec<Waiter<u32, u32>>) + Clone + 'static {
        let (log, gate) = (Rc::clone(log), Rc::clone(gate));
        async move |callers: Vec<Waiter<u32, u32>>| {
            log.borrow_mut().push(callers.iter().map(|caller| caller.question).collect());
            if callers.iter().any(|caller| caller.question == 0) {
                gate.notified().await;
            }
            for caller in callers {
                let answer = caller.question;
                caller.answer(Ok(answer));
            }
        }
    }

    /// A lane on which several asked at once the last time.
    fn busy() -> Rc<Batcher<u32, u32>> {
        let lane = quiet();
        lane.traffic.busy.set(true);
        lane
    }

    /// A lane on which nobody is.
    fn quiet() -> Rc<Batcher<u32, u32>> {
        Batcher::new(&Rc::default())
    }

    async fn ask(lane: &Rc<Batcher<u32, u32>>, question: u32, log: &Log, gate: &Rc<Notify>) -> Result<u32, Error> {
        Rc::clone(lane).ask(question, || reader(log, gate)).await
    }

    /// Polls `future` once, so that it has asked, and lets the reads run that can.
    async fn begin(future: &mut (impl Future + Unpin)) {
        let polled = poll_fn(|context| Poll::Ready(future.poll_unpin(context).is_pending()));
        assert!(polled.await, "it was answered at once");
        yield_now().await;
    }

    #[actix_web::test]
    async fn who_is_alone_reads_without_the_lane_and_holds_up_nobody() {
        let (lane, log, gate) = (quiet(), Log::default(), Rc::new(Notify::new()));
        let ask = |question| Box::pin(ask(&lane, question, &log, &gate));
        assert_eq!(ask(7).now_or_never().map(Result::ok), Some(Some(7)), "it needed a task");
        let mut alone = ask(0);
        begin(&mut alone).await;
        assert_eq!(ask(1).await.ok(), Some(1));
        assert_eq!(ask(2).await.ok(), Some(2));
        gate.notify_one();
        assert_eq!(alone.await.ok(), Some(0));
        assert_eq!(*log.borrow(), [[7], [0], [1], [2]]);
    }

    #[actix_web::test]
    async fn after_company_the_lane_is_used_until_somebody_was_alone_on_it() {
        let (lane, log, gate) = (quiet(), Log::default(), Rc::new(Notify::new()));
        let ask = |question| Box::pin(ask(&lane, question, &log, &gate));
        let mut alone = ask(0);
        begin(&mut alone).await;
        assert!(join_all([ask(1), ask(2)]).await.iter().all(Result::is_ok));
        assert_eq!(*log.borrow(), [vec![0], vec![1, 2]]);
        gate.notify_one();
        assert_eq!(alone.await.ok(), Some(0));
        let mut third = ask(3);
        begin(&mut third).await;
        assert_eq!(third.await.ok(), Some(3));
        while lane.traffic.under_way.get() > 0 {
            yield_now().await;
        }
        assert_eq!(ask(4).now_or_never().map(Result::ok), Some(Some(4)), "it needed a task");
    }

    #[actix_web::test]
    async fn who_comes_while_a_read_is_under_way_shares_the_next_one() {
        let (lane, log, gate) = (busy(), Log::default(), Rc::new(Notify::new()));
        let ask = |question| Box::pin(ask(&lane, question, &log, &gate));
        let mut first = ask(0);
        begin(&mut first).await;
        let mut others = [ask(1), ask(2), ask(3)];
        for other in &mut others {
            begin(other).await;
        }
        assert_eq!(*log.borrow(), [[0]], "only the first was asked for so far");
        gate.notify_one();
        assert_eq!(first.await.ok(), Some(0));
        let answers: Vec<_> = join_all(others).await.into_iter().map(Result::ok).collect();
        assert_eq!(answers, [Some(1), Some(2), Some(3)]);
        assert_eq!(*log.borrow(), [vec![0], vec![1, 2, 3]]);
    }

    #[actix_web::test]
    async fn those_who_come_together_are_answered_together() {
        let (lane, log, gate) = (busy(), Log::default(), Rc::new(Notify::new()));
        let answers = join_all((1..=5).map(|question| ask(&lane, question, &log, &gate))).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(*log.borrow(), [[1, 2, 3, 4, 5]]);
    }

    #[actix_web::test]
    async fn a_slow_read_holds_up_nobody_but_its_own_callers() {
        let (lane, log, gate) = (busy(), Log::default(), Rc::new(Notify::new()));
        let ask = |question| Box::pin(ask(&lane, question, &log, &gate));
        let mut slow = ask(0);
        begin(&mut slow).await;
        // One that waited already, and one that comes later.
        assert_eq!(ask(1).await.ok(), Some(1));
        assert_eq!(ask(2).await.ok(), Some(2));
        begin(&mut slow).await;
        gate.notify_one();
        assert_eq!(slow.await.ok(), Some(0));
        assert_eq!(*log.borrow(), [[0], [1], [2]]);
    }

    #[actix_web::test]
    async fn a_caller_that_went_away_is_not_asked_for_and_holds_up_nobody() {
        let (lane, log, gate) = (busy(), Log::default(), Rc::new(Notify::new()));
        let ask = |question| Box::pin(ask(&lane, question, &log, &gate));
        let (mut began, mut gone, mut stays) = (ask(0), ask(1), ask(2));
        for caller in [&mut began, &mut gone, &mut stays] {
            begin(caller).await;
        }
        // The one that began the read goes as well.
        drop((began, gone));
        gate.notify_one();
        assert_eq!(stays.await.ok(), Some(2));
        assert_eq!(*log.borrow(), [[0], [2]]);
    }

    #[actix_web::test]
    async fn a_read_that_panics_is_an_error_and_the_next_one_works() {
        let lane = busy();
        let panics = async |_: Vec<Waiter<u32, u32>>| panic!("as it was told to");
        let told = Rc::clone(&lane).ask(1, || panics).await;
        assert!(matches!(told, Err(Error::Unavailable(Unavailable::BrokenOff))), "{told:?}");
        let (log, gate) = (Log::default(), Rc::new(Notify::new()));
        assert_eq!(ask(&lane, 2, &log, &gate).await.ok(), Some(2));
    }
}
