//! How a parser is tried.

use std::{
    collections::BTreeMap,
    env, fs,
    path::Path,
    time::{Duration, Instant},
};

use playground::folders;
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, FileFailurePersistence, TestCaseResult, TestError, TestRunner},
};

/// Cases in the short form, and between two looks at the clock in the long one.
const CASES: u32 = 256;

/// What came of the cases, by what was answered.
pub(super) type Tally = BTreeMap<String, u64>;

/// Tries `property` with what the corpus `name` has, and what that becomes: so many cases, or for so many seconds as
/// `FUZZ_SECONDS` says. What fails is made smaller first, and noted beside the corpus, so that it is tried first from then
/// on.
pub(super) fn explore(name: &'static str, mut property: impl FnMut(&[u8], &mut Tally) -> TestCaseResult) {
    let seconds = env::var("FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let corpus = corpus(name);
    let (begun, mut tally) = (Instant::now(), Tally::new());
    for text in &corpus {
        property(text, &mut tally).unwrap_or_else(|failure| panic!("{}: {failure}", text.escape_ascii()));
    }
    let strategy = inputs(corpus);
    let failures = failures_file(name);
    loop {
        // A runner counts its cases, and runs no more than so many.
        let mut runner = TestRunner::new(Config {
            cases: CASES,
            failure_persistence: Some(Box::new(FileFailurePersistence::Direct(failures))),
            // Each of them asks a service over the network.
            max_shrink_iters: 1_000,
            ..Config::default()
        });
        let outcome = {
            let cell = std::cell::RefCell::new((&mut property, &mut tally));
            runner.run(&strategy, |input| {
                let (property, tally) = &mut *cell.borrow_mut();
                property(&input, tally)
            })
        };
        match outcome {
            Ok(()) => {}
            Err(TestError::Fail(why, input)) => panic!("{name}: {why}, for {}", input.escape_ascii()),
            Err(TestError::Abort(why)) => panic!("{name}: {why}"),
        }
        let tried: u64 = tally.values().sum();
        if seconds.is_none_or(|seconds| begun.elapsed() > Duration::from_secs(seconds)) {
            eprintln!("{name}: {tried} cases in {:.0} s: {tally:?}", begun.elapsed().as_secs_f64());
            break;
        }
    }
}

/// The texts of a corpus: one a line, with Rust's escapes.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let file = folders::workspace().join(format!("tests/suites/parsers/corpus/{name}.txt"));
    let lines = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    lines.lines().filter(|line| !line.starts_with('#')).map(unescape).collect()
}

fn failures_file(name: &str) -> &'static str {
    let file = folders::workspace().join(Path::new("tests/suites/parsers/corpus").join(format!("{name}.failures")));
    // One for each test of a process.
    file.to_string_lossy().into_owned().leak()
}

fn unescape(line: &str) -> Vec<u8> {
    let mut text = String::new();
    let mut rest = line.chars();
    while let Some(character) = rest.next() {
        let escaped = if character == '\\' { rest.next() } else { None };
        text.push(match escaped {
            None => character,
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let digits: String = rest.by_ref().skip(1).take_while(|digit| *digit != '}').collect();
                char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap()
            }
            Some(other) => other,
        });
    }
    text.into_bytes()
}

/// A slip.
#[derive(Clone, Debug)]
enum Edit {
    Insert(Index, Vec<u8>),
    Replace(Index, u8),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    Truncate(Index),
}

/// What breaks parsers.
const TOKENS: [&[u8]; 22] = [
    b"\0",
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b"%00",
    b"%",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\"",
    b"'",
    b"\\",
    b"-0",
    b"NaN",
    b"1e999",
    b"18446744073709551616",
    b"\\ud800",
    b"{",
    b"[",
    b"../",
];

fn edit() -> impl Strategy<Value = Edit> {
    let token = prop_oneof![
        select(&TOKENS[..]).prop_map(<[u8]>::to_vec),
        any::<char>().prop_map(|character| character.to_string().into_bytes()),
        vec(any::<u8>(), 1..4),
    ];
    prop_oneof![
        (any::<Index>(), token).prop_map(|(at, token)| Edit::Insert(at, token)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        (any::<Index>(), 1..8_usize).prop_map(|(at, count)| Edit::Remove(at, count)),
        (any::<Index>(), 1..16_usize, 2..100_usize).prop_map(|(at, count, times)| Edit::Repeat(at, count, times)),
        any::<Index>().prop_map(Edit::Truncate),
    ]
}

fn inputs(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let slips = (select(corpus), vec(edit(), 0..5)).prop_map(|(text, edits)| edits.into_iter().fold(text, apply));
    prop_oneof![
        8 => slips,
        1 => any::<String>().prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..64),
    ]
}

fn apply(mut text: Vec<u8>, edit: Edit) -> Vec<u8> {
    match edit {
        Edit::Insert(at, token) => {
            let at = at.index(text.len() + 1);
            text.splice(at..at, token);
        }
        Edit::Replace(at, byte) if !text.is_empty() => {
            let at = at.index(text.len());
            text[at] = byte;
        }
        Edit::Remove(at, count) if !text.is_empty() => {
            let at = at.index(text.len());
            text.drain(at..text.len().min(at + count));
        }
        Edit::Repeat(at, count, times) if !text.is_empty() => {
            let at = at.index(text.len());
            let part = text[at..text.len().min(at + count)].repeat(times);
            text.splice(at..at, part);
        }
        Edit::Truncate(at) => text.truncate(at.index(text.len() + 1)),
        Edit::Replace(..) | Edit::Remove(..) | Edit::Repeat(..) => {}
    }
    text
}
