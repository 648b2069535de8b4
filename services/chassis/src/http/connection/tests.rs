//! What passes a connection, against what actix-http makes of the same bytes.

use std::{collections::VecDeque, task::Waker};

use actix_codec::Decoder as _;
use actix_http::{
    HttpMessage as _, ServiceConfig,
    h1::{Codec, Message},
};
use actix_web::rt::System;
use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestRunner};

use super::*;

/// Pieces of streams: what clients send, what they should not, and what looks like the beginning of a request in a body.
const PIECES: [&[u8]; 36] = [
    b"GET /locations/1 HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nUser-Agent: a/1\r\n\r\n",
    b"GET /?q=S\xc3\xa3o HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET /S\xe3o?q=\"<>`{|}[]^\\ HTTP/1.1\r\nhost: x\r\n\r\n",
    b"HEAD /%zz?%00#\xff HTTP/1.1\nhost: x\n\n",
    b"GET http://x/\xff HTTP/1.1\r\nhost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n",
    b"CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n",
    b"CONNECT x:80 HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.0\r\nconnection: keep-alive\r\nhost: a\r\n\r\n",
    b"POST / HTTP/1.0\r\n\r\n",
    b"POST /\xc3\xa3 HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}",
    b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 29\r\n\r\nGET /?\xc3\xa3 HTTP/1.1\r\nhost: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: x\r\nContent-Length:\t0 \r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n",
    b"PUT / HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: CHUNKED\r\nexpect: 100-continue\r\n\r\n",
    b"2\r\n{}\r\n0\r\n\r\n",
    b"1D;a=b \r\nGET /?\xc3\xa3 HTTP/1.1\r\nhost: x\r\n\r\n\r\n0 \r\nx: y\r\n\r\n",
    b"0\r\nGET /\xc3\xa3 HTTP/1.1\n\r\n\r\n",
    b"0;\xc3\xa3\r\n\r\n",
    b"fffffffffffffffff\r\n",
    b"\r\n",
    b"\n\r\n",
    b"\r",
    b"GET /",
    b"\xc3\xa3 HTTP/1.1\r\n",
    b"host: x\r\n",
    b"x: S\xc3\xa3o /\xff HTTP/1.1\r\n",
    b" folded\r\n",
    b"content-length: 5\r\n",
    b"content-length: +5\r\n",
    b"transfer-encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x00\xc8\x01\x00 \x00\xc4\xff HTTP\n\n",
];

/// A client that sends `pieces` and then nothing more.
struct Client(VecDeque<Vec<u8>>);

impl AsyncRead for Client {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(mut piece) = self.0.pop_front() else { return Poll::Pending };
        let rest = piece.split_off(piece.len().min(buffer.remaining()));
        buffer.put_slice(&piece);
        if !rest.is_empty() {
            self.0.push_front(rest);
        }
        Poll::Ready(Ok(()))
    }
}

/// What the parser reads of `sent` with a buffer of `size`, and why something was refused, if it was.
fn passed(sent: &[u8], splits: &[usize], size: usize) -> (Vec<u8>, Option<String>) {
    let mut pieces = VecDeque::from([sent.to_vec()]);
    for at in splits {
        let last = pieces.back_mut().expect("there is one piece at least");
        let rest = last.split_off(at % (last.len() + 1));
        pieces.push_back(rest);
    }
    pieces.retain(|piece| !piece.is_empty());
    let mut connection = Connection::new(Client(pieces));
    let (mut passed, mut buffer) = (Vec::new(), vec![0; size]);
    loop {
        let mut buffer = ReadBuf::new(&mut buffer);
        match Pin::new(&mut connection).poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer) {
            Poll::Ready(outcome) => outcome.expect("reading memory does not fail"),
            Poll::Pending => break,
        }
        assert!(!buffer.filled().is_empty(), "the client has not closed");
        passed.extend_from_slice(buffer.filled());
    }
    let refusal = connection.refusal.0.take().map(|problem| problem.detail().to_owned());
    (passed, refusal)
}

#[derive(Debug, PartialEq)]
struct Request {
    line: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// The requests that actix-http finds in `bytes`, and whether it refuses the next one's head.
fn parsed(bytes: &[u8]) -> (Vec<Request>, bool) {
    let (mut codec, mut bytes) = (Codec::new(ServiceConfig::default()), BytesMut::from(bytes));
    let mut requests: Vec<Request> = Vec::new();
    loop {
        match codec.decode(&mut bytes) {
            Ok(Some(Message::Item(request))) => requests.push(Request {
                line: format!("{} {:?} {:?}", request.method(), request.uri(), request.version()),
                headers: {
                    let headers = request.headers().iter();
                    let mut headers: Vec<_> =
                        headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
                    headers.sort();
                    headers
                },
                body: Vec::new(),
            }),
            Ok(Some(Message::Chunk(chunk))) => {
                let request = requests.last_mut().expect("a body follows a head");
                request.body.extend_from_slice(&chunk.unwrap_or_default());
            }
            // The last: a body that breaks off, rather than a head.
            Ok(None) | Err(actix_http::error::ParseError::Io(_)) => return (requests, false),
            Err(_) => return (requests, true),
        }
    }
}

fn streams() -> impl Strategy<Value = Vec<u8>> {
    let mutations = vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    (vec(select(&PIECES[..]), 1..7), mutations).prop_map(|(pieces, mutations)| {
        let mut stream = pieces.concat();
        for (at, byte) in mutations {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        stream
    })
}

fn holds<S: Strategy>(strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let mut runner = TestRunner::new(ProptestConfig { cases: 3_000, failure_persistence: None, ..Default::default() });
    System::new().block_on(async { runner.run(&strategy, test) }).expect("it holds for all");
}

#[test]
fn what_passes_does_not_depend_on_how_it_arrives() {
    let splits = vec(any::<usize>(), 0..9);
    holds((streams(), splits, 1..80_usize), |(mut stream, splits, size)| {
        // A head that arrives in parts is examined whenever a line is complete.
        stream.push(b'\n');
        prop_assert_eq!(passed(&stream, &splits, size), passed(&stream, &[], 16 * 1024));
        let bytewise: Vec<_> = (0..stream.len()).map(|_| 1).collect();
        prop_assert_eq!(passed(&stream, &bytewise, size), passed(&stream, &[], 16 * 1024));
        Ok(())
    });
}

#[test]
fn what_the_parser_takes_is_not_changed_and_what_it_refuses_never_reaches_it() {
    holds(streams(), |stream| {
        let (passed, refusal) = passed(&stream, &[], 16 * 1024);
        let (requests, refused) = parsed(&stream);
        let (mut passed_requests, passed_refused) = parsed(&passed);
        prop_assert!(!passed_refused, "the parser refuses {:?}", passed.escape_ascii().to_string());
        if refusal.is_some() {
            let stand_in = passed_requests.pop();
            prop_assert_eq!(stand_in.map(|request| request.line), Some("- * HTTP/1.1".to_owned()));
            prop_assert!(refused, "the parser takes it: {:?}", refusal);
        }
        // There may be more of them: those with targets that the parser alone would refuse.
        prop_assert!(passed_requests.len() >= requests.len());
        prop_assert_eq!(&passed_requests[..requests.len()], &requests[..]);
        Ok(())
    });
}

#[test]
fn streams_that_the_parser_takes_pass_byte_by_byte() {
    holds(streams(), |stream| {
        let begins_with_head = !stream.starts_with(b"\r") && !stream.starts_with(b"\n");
        let (requests, refused) = parsed(&stream);
        if !begins_with_head || requests.len() != 1 || refused {
            return Ok(());
        }
        let (passed, refusal) = passed(&stream, &[], 16 * 1024);
        prop_assert!(stream.starts_with(&passed), "{}", passed.escape_ascii());
        prop_assert_eq!(refusal, None);
        Ok(())
    });
}

#[test]
fn targets_are_percent_encoded_where_the_parser_would_refuse_them() {
    let request = |target: &[u8]| [&b"GET "[..], target, b" HTTP/1.1\r\nhost: x\r\nx: \xc3\xa3 \xff\r\n\r\n"].concat();
    System::new().block_on(async {
        for (sent, encoded) in [
            (&b"/?q=S\xc3\xa3o"[..], &b"/?q=S%C3%A3o"[..]),
            (b"/S\xe3o", b"/S%E3o"),
            (b"/?\"<>`", b"/?%22%3C%3E%60"),
            (b"/\xff?\xff#\xff", b"/%FF?%FF#%FF"),
            (b"http://x/\xc3\xa3", b"http://x/%C3%A3"),
            // What it takes as it is stays as it is.
            (b"/\"{}|[]^\\?`{}|[]^\\", b"/\"{}|[]^\\?`{}|[]^\\"),
            (b"/%?%zz%00%FF", b"/%?%zz%00%FF"),
        ] {
            assert_eq!(passed(&request(sent), &[], 1024), (request(encoded), None), "{}", sent.escape_ascii());
        }
        for refused in [&b"/\0"[..], b"/\x7f\xc3\xa3", b"/a b"] {
            let (passed, refusal) = passed(&request(refused), &[], 1024);
            assert_eq!((passed, refusal.is_some()), (REFUSED.into(), true), "{}", refused.escape_ascii());
        }
    });
}

#[test]
fn other_protocols_are_ignored() {
    System::new().block_on(async {
        for (sent, taken) in [
            (
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n",
                "Connection: ignored, HTTP2-Settings\r\nignored: h2c\r\n",
            ),
            ("upgrade:websocket\nconnection:close ,\tUPGRADE \n", "ignored:websocket\nconnection:close ,\tignored \n"),
            ("connection: upgrade, upgrade\r\nx: upgrade\r\n", "connection: ignored, ignored\r\nx: upgrade\r\n"),
            ("connection: x-upgrade, upgraded\r\n", "connection: x-upgrade, upgraded\r\n"),
        ] {
            let request = |headers| format!("GET /upgrade HTTP/1.1\r\nhost: x\r\n{headers}\r\n").into_bytes();
            let next = b"GET /?\xff HTTP/1.1\r\nhost: x\r\n\r\n";
            let expected = [&request(taken)[..], b"GET /?%FF HTTP/1.1\r\nhost: x\r\n\r\n"].concat();
            assert_eq!(passed(&[&request(sent)[..], next].concat(), &[], 1024), (expected, None), "{sent:?}");
        }
    });
}
