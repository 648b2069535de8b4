//! The chunked coding of bodies (RFC 9112, section 7.1), taken off piece by piece as it comes.

/// How far the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    /// In the line with the length of a chunk, of which this is what has come of the number so far.
    Size(usize),
    /// In what follows the number in that line.
    Extension(usize),
    /// So many bytes of the chunk are left.
    Data(usize),
    /// In the line end after a chunk.
    DataEnd,
    /// At the beginning of a line after the last chunk.
    Trailer,
    /// Within such a line.
    TrailerLine,
    /// Over.
    End,
}

/// What the decoder makes of the next bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// What is in them of the body.
    pub(super) body: &'a [u8],
    /// How many bytes it has used up, framing included.
    pub(super) used: usize,
}

/// The coding is broken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken;

impl Chunked {
    pub(super) const START: Self = Self::Size(0);

    /// Takes what comes next, up to the end of one chunk's bytes.
    pub(super) fn take<'a>(&mut self, bytes: &'a [u8]) -> Result<Piece<'a>, Broken> {
        let mut used = 0;
        while used < bytes.len() {
            if let Self::Data(left) = *self {
                let body = &bytes[used..bytes.len().min(used + left)];
                *self = if body.len() == left { Self::DataEnd } else { Self::Data(left - body.len()) };
                return Ok(Piece { body, used: used + body.len() });
            }
            *self = self.after(bytes[used])?;
            used += 1;
            if *self == Self::End {
                break;
            }
        }
        Ok(Piece { body: &[], used })
    }

    /// Where a byte of the framing leads.
    fn after(self, byte: u8) -> Result<Self, Broken> {
        Ok(match (self, byte) {
            (Self::Size(size), _) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).ok_or(Broken)?;
                Self::Size(size.checked_mul(16).ok_or(Broken)? + digit as usize)
            }
            (Self::Size(0) | Self::Extension(0) | Self::TrailerLine, b'\n') | (Self::Trailer, b'\r') => Self::Trailer,
            (Self::Size(size) | Self::Extension(size), b'\n') => Self::Data(size),
            (Self::Size(size), b'\r' | b';' | b' ') | (Self::Extension(size), _) => Self::Extension(size),
            (Self::DataEnd, b'\n') => Self::START,
            (Self::DataEnd, b'\r') => Self::DataEnd,
            (Self::Trailer, b'\n') => Self::End,
            (Self::Trailer | Self::TrailerLine, _) => Self::TrailerLine,
            _ => return Err(Broken),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body in `stream`, handed over in pieces of `size` bytes, and how much of the stream is left.
    fn decoded(stream: &[u8], size: usize) -> Result<(Vec<u8>, usize), Broken> {
        let (mut decoder, mut body, mut position) = (Chunked::START, Vec::new(), 0);
        while position < stream.len() && decoder != Chunked::End {
            let piece = decoder.take(&stream[position..stream.len().min(position + size)])?;
            body.extend_from_slice(piece.body);
            position += piece.used;
        }
        assert_eq!(decoder, Chunked::End);
        Ok((body, stream.len() - position))
    }

    #[test]
    fn the_body_is_the_same_wherever_the_stream_is_cut() {
        let stream = b"4\r\nWiki\r\n1B;name=value\r\npedia in chunks, with\r\nends\r\n0\r\nSome: trailer\r\n\r\nHTTP";
        for size in 1..stream.len() {
            let (body, left) = decoded(stream, size).expect("whole");
            assert_eq!(body, b"Wikipedia in chunks, with\r\nends", "in pieces of {size}");
            assert_eq!(left, 4, "the next answer is left alone");
        }
    }

    #[test]
    fn an_empty_body_is_one_chunk_without_bytes() {
        assert_eq!(decoded(b"0\r\n\r\n", 64), Ok((Vec::new(), 0)));
    }

    #[test]
    fn what_is_no_framing_is_refused() {
        for stream in [&b"x\r\n"[..], b"4\r\nWikipedia", b"4\nWikiX", b"fffffffffffffffff\r\n"] {
            let (mut decoder, mut position) = (Chunked::START, 0);
            let broken = loop {
                match decoder.take(&stream[position..]) {
                    Err(Broken) => break true,
                    Ok(piece) if piece.used == 0 => break false,
                    Ok(piece) => position += piece.used,
                }
            };
            assert!(broken, "{} was taken", String::from_utf8_lossy(stream));
        }
    }
}
