//! A link between a service and what it depends on, which can be broken in the ways in which networks break.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    task::JoinHandle,
    time::sleep,
};

use crate::eventually;

/// Forwards a port of its own to another one on this machine, while it is up.
pub struct Link {
    port: u16,
    shared: Arc<Shared>,
    forwarding: JoinHandle<()>,
}

/// What the forwarding tasks look at.
struct Shared {
    state: watch::Sender<State>,
    target: AtomicU16,
    carried: AtomicUsize,
    most_carried: AtomicUsize,
}

/// How the link is.
#[derive(Clone, Copy, Debug)]
struct State {
    way: Way,
    /// How late answers are.
    delay: Duration,
    /// How many bytes of answers a second come through on each connection.
    bytes_per_second: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Open,
    /// Connections are closed, and new ones as soon as they are made.
    Closed,
    /// The same with a reset in place of an orderly end.
    Reset,
    /// Nothing comes through and nobody is told: a half-open connection.
    Silent,
}

impl Way {
    fn ends_connections(self) -> bool {
        matches!(self, Self::Closed | Self::Reset)
    }
}

impl Link {
    /// A link to the port `target`, which is down until [`mend`](Self::mend).
    pub async fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let down = State { way: Way::Closed, delay: Duration::ZERO, bytes_per_second: None };
        let shared = Arc::new(Shared {
            state: watch::Sender::new(down),
            target: target.into(),
            carried: AtomicUsize::default(),
            most_carried: AtomicUsize::default(),
        });
        let forwarding = tokio::spawn(forward(listener, Arc::clone(&shared)));
        Self { port, shared, forwarding }
    }

    /// Where it begins.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets everything through, at once. Connections that were [silent](Self::silence) stay so.
    pub fn mend(&self) {
        self.set(State { way: Way::Open, delay: Duration::ZERO, bytes_per_second: None });
    }

    /// Breaks all connections, and closes new ones at once.
    pub async fn cut(&self) {
        self.end(Way::Closed).await;
    }

    /// Resets all connections, and new ones at once.
    pub async fn reset(&self) {
        self.end(Way::Reset).await;
    }

    /// Loses all that is sent on connections that are there and that are made, and tells nobody.
    pub fn silence(&self) {
        self.change(|state| state.way = Way::Silent);
    }

    /// Has each answer come so much later.
    pub fn delay(&self, delay: Duration) {
        self.change(|state| state.delay = delay);
    }

    /// Lets so many bytes of answers a second through, on each connection.
    pub fn throttle(&self, bytes_per_second: u32) {
        self.change(|state| state.bytes_per_second = Some(bytes_per_second));
    }

    /// Has new connections lead to another port. Those that are there stay where they are, as when a name is given
    /// another address.
    pub fn lead_to(&self, target: u16) {
        self.shared.target.store(target, Ordering::Relaxed);
    }

    /// How many connections it carries.
    pub fn carries(&self) -> usize {
        self.shared.carried.load(Ordering::Relaxed)
    }

    /// The most that it has carried at once.
    pub fn most_carried(&self) -> usize {
        self.shared.most_carried.load(Ordering::Relaxed)
    }

    async fn end(&self, way: Way) {
        self.change(|state| state.way = way);
        eventually("all connections are broken", async || self.carries() == 0).await;
    }

    fn set(&self, state: State) {
        self.shared.state.send_replace(state);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        self.shared.state.send_modify(change);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.forwarding.abort();
    }
}

async fn forward(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (near, _) = listener.accept().await.unwrap();
        tokio::spawn(carry(near, Arc::clone(&shared)));
    }
}

/// Carries one connection to its end.
async fn carry(mut near: TcpStream, shared: Arc<Shared>) {
    let mut state = shared.state.subscribe();
    let way = state.borrow_and_update().way;
    if way.ends_connections() {
        return hang_up(&near, way);
    }
    let _carried = Carried::count(&shared);
    let target = shared.target.load(Ordering::Relaxed);
    let Ok(mut far) = TcpStream::connect(("127.0.0.1", target)).await else {
        return;
    };
    for stream in [&near, &far] {
        stream.set_nodelay(true).unwrap();
    }
    let ended = {
        let ((near_read, near_write), (far_read, far_write)) = (near.split(), far.split());
        let there = pump(near_read, far_write, shared.state.subscribe(), Direction::Questions);
        let back = pump(far_read, near_write, shared.state.subscribe(), Direction::Answers);
        tokio::select! {
            // Whoever closes has nothing more to say, and wants to hear no more.
            () = there => None,
            () = back => None,
            ended = state.wait_for(|state| state.way.ends_connections()) => ended.ok().map(|state| state.way),
        }
    };
    if let Some(way) = ended {
        hang_up(&near, way);
    }
}

fn hang_up(near: &TcpStream, way: Way) {
    if way == Way::Reset {
        near.set_zero_linger().unwrap();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Questions,
    Answers,
}

/// Forwards one direction of a connection until it is closed.
async fn pump(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, state: watch::Receiver<State>, direction: Direction) {
    let mut buffer = vec![0; 16 * 1024];
    let mut lost = false;
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let State { way, delay, bytes_per_second } = *state.borrow();
        // What was lost is missed for good: a connection with a hole in it is of no use later.
        lost |= way == Way::Silent;
        if lost {
            continue;
        }
        if direction == Direction::Answers {
            sleep(delay).await;
            if let Some(rate) = bytes_per_second {
                sleep(Duration::from_secs(1) * u32::try_from(count).unwrap() / rate).await;
            }
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

/// Counts a connection for as long as it is there.
struct Carried<'a>(&'a Shared);

impl<'a> Carried<'a> {
    fn count(shared: &'a Shared) -> Self {
        let now = shared.carried.fetch_add(1, Ordering::Relaxed) + 1;
        shared.most_carried.fetch_max(now, Ordering::Relaxed);
        Self(shared)
    }
}

impl Drop for Carried<'_> {
    fn drop(&mut self) {
        self.0.carried.fetch_sub(1, Ordering::Relaxed);
    }
}
