//! Clients that hold on to what they have: connections, heads that never end, answers that they do not read.

use std::{
    fs,
    time::{Duration, Instant},
};

use harness::{
    Client, LocationService, Seeded,
    form::{choose, is_long},
    location,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

use crate::{scene::peak_memory, turn::turn};

/// How long others may have to wait for an answer meanwhile.
const PROMPT: Duration = Duration::from_secs(1);

/// The most memory that an idle connection may take, in KiB.
const KIB_PER_CONNECTION: u64 = 16;

async fn connect(service: &LocationService) -> TcpStream {
    TcpStream::connect(("127.0.0.1", service.running.port())).await.unwrap()
}

/// New clients are served, with and without the database.
async fn others_are_served(service: &LocationService) {
    for path in ["/livez", "/locations/3143244", "/locations?limit=5"] {
        let asked = Instant::now();
        Client::new(service.running.url("")).get(path).await.expect(200);
        assert!(asked.elapsed() < PROMPT, "{path}: {:?}", asked.elapsed());
    }
}

#[tokio::test]
async fn thousands_of_idle_connections_cost_little_and_hold_nobody_up() {
    let _turn = turn().await;
    let limit = getrlimit(Resource::Nofile);
    // The service may have as many files open as this process, and needs some for itself.
    let count = choose(2_000, 8_000).min(limit.maximum.unwrap_or(u64::MAX) / 2);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let mut service = location(Seeded::Yes).await;
    others_are_served(&service).await;
    let before = peak_memory(&mut service.running);
    let mut idle = Vec::new();
    for _ in 0..count {
        let mut stream = connect(&service).await;
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 512];
        assert!(stream.read(&mut answer).await.unwrap() > 0 && answer.starts_with(b"HTTP/1.1 200"));
        idle.push(stream);
    }
    others_are_served(&service).await;
    let after = peak_memory(&mut service.running);
    eprintln!("{count} idle connections: {before} → {after} MiB");
    assert!((after - before) * 1024 <= KIB_PER_CONNECTION * count, "{before} → {after} MiB");
    let asked = Instant::now();
    assert!(service.running.stop().await.unwrap().success());
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn heads_that_never_end_hold_nobody_up() {
    let _turn = turn().await;
    let service = location(Seeded::Yes).await;
    let mut slow = Vec::new();
    for _ in 0..choose(200, 1_000) {
        let mut stream = connect(&service).await;
        stream.write_all(b"GET /locations HTTP/1.1\r\nhost: x\r\nx-").await.unwrap();
        slow.push(stream);
    }
    others_are_served(&service).await;
    for mut stream in slow {
        let mut answer = Vec::new();
        // Ended by the service; how is another test's subject.
        let _ = timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.expect("it is cut off");
    }
}

#[tokio::test]
async fn answers_that_nobody_reads_hold_nobody_up_and_are_cut_off() {
    let _turn = turn().await;
    let mut service = location(Seeded::Yes).await;
    let mut unread = Vec::new();
    // Several for each connection to the database.
    for _ in 0..64 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 * 1024).unwrap();
        let mut stream = socket.connect(([127, 0, 0, 1], service.running.port()).into()).await.unwrap();
        stream.write_all(b"GET /locations/table HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut beginning = [0; 15];
        stream.read_exact(&mut beginning).await.unwrap();
        assert_eq!(&beginning, b"HTTP/1.1 200 OK");
        unread.push(stream);
    }
    others_are_served(&service).await;
    let memory = peak_memory(&mut service.running);
    eprintln!("64 answers that nobody reads: memory at most {memory} MiB");
    assert!(memory <= 96, "{memory} MiB");
    if is_long() {
        // The kernel gives such a client 20 s, in which it asks it whether it has room again at ever longer intervals. It
        // gives up without a word, so that it shows on the service's side only.
        let given_up = async {
            while connections(service.running.port()) > 0 {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(Duration::from_mins(1), given_up).await.expect("who does not read is cut off");
    }
}

/// How many connections a service on that port of this machine has, as the kernel tells.
fn connections(port: u16) -> usize {
    const ESTABLISHED: &str = "01";
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let ours = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|columns| columns[1].ends_with(&format!(":{port:04X}")) && columns[3] == ESTABLISHED);
    ours.count()
}
