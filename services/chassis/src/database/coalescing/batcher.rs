//! Batches reads: one runs at a time, and the requests that arrive meanwhile share the next one.

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

/// Runs one read at a time; requests that arrive meanwhile share the next one. While requests do not overlap, each reads
/// by itself, without a task or a timer.
pub(super) struct Batcher<Q, A> {
    waiting: RefCell<Waiting<Q, A>>,
    running: Cell<bool>,
    in_flight: Rc<InFlight>,
}

/// Counts the reads in flight of all batchers that share this counter.
#[derive(Default)]
pub(super) struct InFlight {
    /// Reads in flight.
    count: Cell<usize>,
    /// The last read answered more than one request, so the next requests are likely to overlap as well.
    busy: Cell<bool>,
}

impl InFlight {
    /// No other request is likely to share a read.
    fn is_idle(&self) -> bool {
        self.count.get() == 0 && !self.busy.get()
    }
}

/// The callers of the next read.
struct Waiting<Q, A> {
    callers: Vec<Waiter<Q, A>>,
    /// The number of requests that they belong to.
    requests: usize,
}

/// A question, and the channel for its answer.
pub(super) struct Waiter<Q, A> {
    pub(super) question: Q,
    /// The trace of the waiting request, if it is recorded.
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

/// Receives the answer.
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
    /// A batcher that shares its counter with others.
    pub(super) fn new(in_flight: &Rc<InFlight>) -> Rc<Self> {
        Rc::new(Self { waiting: RefCell::default(), running: Cell::new(false), in_flight: Rc::clone(in_flight) })
    }

    /// Answers `question` with the next read, which starts at once if none is running. `reader` is called only to start
    /// one.
    pub(super) async fn ask<R>(self: Rc<Self>, question: Q, reader: impl FnOnce() -> R) -> Result<A, Error>
    where
        R: AsyncFn(Vec<Waiter<Q, A>>) + Clone + 'static,
    {
        let (caller, answer) = Waiter::new(question);
        self.enqueue(vec![caller], reader).await;
        received(answer).await
    }

    /// Answers all `questions` of a request with one read, in their order.
    pub(super) async fn ask_all<R>(
        self: Rc<Self>,
        questions: impl IntoIterator<Item = Q>,
        reader: impl FnOnce() -> R,
    ) -> Result<Vec<A>, Error>
    where
        R: AsyncFn(Vec<Waiter<Q, A>>) + Clone + 'static,
    {
        let (callers, answers): (Vec<_>, Vec<_>) = questions.into_iter().map(Waiter::new).unzip();
        self.enqueue(callers, reader).await;
        let mut found = Vec::with_capacity(answers.len());
        for answer in answers {
            found.push(received(answer).await?);
        }
        Ok(found)
    }

    async fn enqueue<R>(self: Rc<Self>, mut callers: Vec<Waiter<Q, A>>, reader: impl FnOnce() -> R)
    where
        R: AsyncFn(Vec<Waiter<Q, A>>) + Clone + 'static,
    {
        if self.in_flight.is_idle() {
            // A task and a timer would cost a single request a tenth of its time.
            let _in_flight = InFlightGuard::begin(&self.in_flight);
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
        if !self.running.replace(true) {
            // A separate task: it runs after the requests that have arrived already, so the first read includes them,
            // and it continues when the caller that started it disconnects.
            rt::spawn(self.run(reader()));
        }
    }

    async fn run<R>(self: Rc<Self>, read: R)
    where
        R: AsyncFn(Vec<Waiter<Q, A>>) + Clone + 'static,
    {
        let _in_flight = InFlightGuard::begin(&self.in_flight);
        let run_guard = RunGuard(&self);
        loop {
            let Waiting { mut callers, requests } = mem::take(&mut *self.waiting.borrow_mut());
            callers.retain(|caller| !caller.answer.is_closed());
            if callers.is_empty() {
                return;
            }
            self.in_flight.busy.set(requests > 1);
            let mut reading = pin!(read(callers));
            if timeout(MAX_WAIT, reading.as_mut()).await.is_err() {
                drop(run_guard);
                if !self.waiting.borrow().callers.is_empty() {
                    self.running.set(true);
                    rt::spawn(Rc::clone(&self).run(read.clone()));
                }
                reading.await;
                return;
            }
            // Lets answered callers run first, so that their next requests share the next read: fewer and larger reads
            // gave a seventh more requests a second on the same cores.
            yield_now().await;
        }
    }
}

/// Counts a read as in flight until dropped.
struct InFlightGuard<'a>(&'a InFlight);

impl<'a> InFlightGuard<'a> {
    fn begin(in_flight: &'a InFlight) -> Self {
        in_flight.count.update(|count| count + 1);
        Self(in_flight)
    }
}

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        self.0.count.update(|count| count - 1);
    }
}

/// Marks the batcher as free when dropped.
struct RunGuard<'a, Q, A>(&'a Batcher<Q, A>);

impl<Q, A> Drop for RunGuard<'_, Q, A> {
    fn drop(&mut self) {
        self.0.running.set(false);
        if thread::panicking() {
            // Drops their channels, which reports an error to each.
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

    /// A batcher whose last read had several requests.
    fn busy() -> Rc<Batcher<u32, u32>> {
        let batcher = idle();
        batcher.in_flight.busy.set(true);
        batcher
    }

    /// A batcher without requests.
    fn idle() -> Rc<Batcher<u32, u32>> {
        Batcher::new(&Rc::default())
    }

    async fn ask(batcher: &Rc<Batcher<u32, u32>>, question: u32, log: &Log, gate: &Rc<Notify>) -> Result<u32, Error> {
        Rc::clone(batcher).ask(question, || reader(log, gate)).await
    }

    /// Polls `future` once, so that it has asked, and lets the reads run that can.
    async fn begin(future: &mut (impl Future + Unpin)) {
        let polled = poll_fn(|context| Poll::Ready(future.poll_unpin(context).is_pending()));
        assert!(polled.await, "it was answered at once");
        yield_now().await;
    }

    #[actix_web::test]
    async fn a_single_request_reads_without_a_task_and_delays_nobody() {
        let (batcher, log, gate) = (idle(), Log::default(), Rc::new(Notify::new()));
        let ask = |question| Box::pin(ask(&batcher, question, &log, &gate));
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
    async fn after_overlapping_requests_reads_are_batched_until_one_had_a_single_request() {
        let (batcher, log, gate) = (idle(), Log::default(), Rc::new(Notify::new()));
        let ask = |question| Box::pin(ask(&batcher, question, &log, &gate));
        let mut alone = ask(0);
        begin(&mut alone).await;
        assert!(join_all([ask(1), ask(2)]).await.iter().all(Result::is_ok));
        assert_eq!(*log.borrow(), [vec![0], vec![1, 2]]);
        gate.notify_one();
        assert_eq!(alone.await.ok(), Some(0));
        let mut third = ask(3);
        begin(&mut third).await;
        assert_eq!(third.await.ok(), Some(3));
        while batcher.in_flight.count.get() > 0 {
            yield_now().await;
        }
        assert_eq!(ask(4).now_or_never().map(Result::ok), Some(Some(4)), "it needed a task");
    }

    #[actix_web::test]
    async fn requests_during_a_read_share_the_next_one() {
        let (batcher, log, gate) = (busy(), Log::default(), Rc::new(Notify::new()));
        let ask = |question| Box::pin(ask(&batcher, question, &log, &gate));
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
    async fn requests_at_the_same_time_share_a_read() {
        let (batcher, log, gate) = (busy(), Log::default(), Rc::new(Notify::new()));
        let answers = join_all((1..=5).map(|question| ask(&batcher, question, &log, &gate))).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(*log.borrow(), [[1, 2, 3, 4, 5]]);
    }

    #[actix_web::test]
    async fn a_slow_read_delays_only_its_own_callers() {
        let (batcher, log, gate) = (busy(), Log::default(), Rc::new(Notify::new()));
        let ask = |question| Box::pin(ask(&batcher, question, &log, &gate));
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
    async fn a_caller_that_disconnected_is_left_out_and_delays_nobody() {
        let (batcher, log, gate) = (busy(), Log::default(), Rc::new(Notify::new()));
        let ask = |question| Box::pin(ask(&batcher, question, &log, &gate));
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
        let batcher = busy();
        let panics = async |_: Vec<Waiter<u32, u32>>| panic!("as it was told to");
        let told = Rc::clone(&batcher).ask(1, || panics).await;
        assert!(matches!(told, Err(Error::Unavailable(Unavailable::BrokenOff))), "{told:?}");
        let (log, gate) = (Log::default(), Rc::new(Notify::new()));
        assert_eq!(ask(&batcher, 2, &log, &gate).await.ok(), Some(2));
    }
}
