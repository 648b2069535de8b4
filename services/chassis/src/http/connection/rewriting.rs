//! What is changed in a request head so that the parser takes it as the client means it. No line is added or removed, and
//! no header that says where the request ends is touched.

use std::ops::Range;

/// Takes the place of `upgrade`, as a header and as an option of `Connection`. It has the same length and no meaning.
const IGNORED: &[u8; 7] = b"ignored";

/// The beginning of a request, with the target percent-encoded. None where no byte of the target needs it.
///
/// Many clients send a target as it was typed: UTF-8, Latin-1, quotes. RFC 3986 has them encoded, and the parser refuses them.
pub(super) fn encode_target(input: &[u8]) -> Option<Vec<u8>> {
    const HEXADECIMAL: &[u8; 16] = b"0123456789ABCDEF";
    let Range { start, end } = target(input)?;
    if !input[start..end].iter().copied().any(needs_encoding) {
        return None;
    }
    let mut encoded = Vec::with_capacity(input.len() + 2 * (end - start));
    encoded.extend_from_slice(&input[..start]);
    for &byte in &input[start..end] {
        if needs_encoding(byte) {
            let [high, low] = [byte >> 4, byte & 0xf].map(|digit| HEXADECIMAL[usize::from(digit)]);
            encoded.extend_from_slice(&[b'%', high, low]);
        } else {
            encoded.push(byte);
        }
    }
    encoded.extend_from_slice(&input[end..]);
    Some(encoded)
}

/// Where the target is: between the first two spaces of the first line.
fn target(input: &[u8]) -> Option<Range<usize>> {
    let line = input.split(|&byte| byte == b'\n').next()?;
    let mut spaces = line.iter().enumerate().filter(|(_, byte)| **byte == b' ').map(|(at, _)| at);
    let (before, after) = (spaces.next()?, spaces.next()?);
    Some(before + 1..after)
}

/// Bytes that clients send as they are and that the parser refuses in a path or a query. Control characters stay refused.
fn needs_encoding(byte: u8) -> bool {
    !byte.is_ascii() || b"\"<>`".contains(&byte)
}

/// Whether a value of `Connection` has the option `upgrade`.
pub(super) fn wants_upgrade(connection: &[u8]) -> bool {
    connection.split(|&byte| byte == b',').any(is_upgrade)
}

fn is_upgrade(option: &[u8]) -> bool {
    option.trim_ascii().eq_ignore_ascii_case(b"upgrade")
}

/// Makes the parser ignore that `head` asks for another protocol, as RFC 9110, 7.8 lets a server do: actix-http would close
/// the connection after its answer, and take what follows `Upgrade: websocket` for a body without an end.
pub(super) fn ignore_upgrades(head: &mut [u8]) {
    for line in head.split_mut(|&byte| byte == b'\n').skip(1) {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let (name, value) = line.split_at_mut(colon);
        if name.eq_ignore_ascii_case(b"upgrade") {
            name.copy_from_slice(IGNORED);
        } else if name.eq_ignore_ascii_case(b"connection") {
            for option in value[1..].split_mut(|&byte| byte == b',').filter(|option| is_upgrade(option)) {
                let start = option.iter().position(u8::is_ascii_alphabetic).unwrap_or_default();
                option[start..start + IGNORED.len()].copy_from_slice(IGNORED);
            }
        }
    }
}
