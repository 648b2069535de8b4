//! Where a chunked body ends (RFC 9112, 7.1), read as actix-http reads it: a unit test compares the two.

/// The next byte of a chunked body. Numbers are sizes of chunks, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunks {
    /// The first digit of a size.
    SizeFirst,
    /// Another digit of it, or what follows.
    Size(u64),
    /// Spaces and extensions after a size.
    Extension(u64),
    /// The end of a line with a size.
    SizeLf(u64),
    /// Data of a chunk, so many bytes of them.
    Data(u64),
    /// The line end after them.
    DataCr,
    DataLf,
    /// The beginning of a trailer, or the last line end.
    Line,
    EndLf,
    /// A trailer.
    Trailer,
    TrailerLf,
}

/// How far some bytes lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// All of them belong to the body.
    Continues,
    /// The body ends after this many.
    Ends(usize),
    /// They are no chunks. The parser refuses them and closes the connection.
    Broken,
}

impl Chunks {
    /// Moves on by `bytes`.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Progress {
        let mut at = 0;
        while at < bytes.len() {
            if let Self::Data(left) = *self {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                at += here;
                *self = if here as u64 == left { Self::DataCr } else { Self::Data(left - here as u64) };
                continue;
            }
            if matches!((*self, bytes[at]), (Self::EndLf, b'\n')) {
                return Progress::Ends(at + 1);
            }
            let Some(next) = self.after(bytes[at]) else { return Progress::Broken };
            *self = next;
            at += 1;
        }
        Progress::Continues
    }

    fn after(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::SizeFirst, _) => digit(byte).map(Self::Size),
            (Self::Size(size) | Self::Extension(size), b'\r') => Some(Self::SizeLf(size)),
            (Self::Size(size), b'\t' | b' ' | b';') | (Self::Extension(size), b'\t' | b' '..=b'~' | 0x80..) => {
                Some(Self::Extension(size))
            }
            (Self::Size(size), _) => Some(Self::Size(size.checked_mul(16)? + digit(byte)?)),
            (Self::SizeLf(0) | Self::TrailerLf, b'\n') => Some(Self::Line),
            (Self::SizeLf(size), b'\n') => Some(Self::Data(size)),
            (Self::DataCr, b'\r') => Some(Self::DataLf),
            (Self::DataLf, b'\n') => Some(Self::SizeFirst),
            (Self::Line, b'\r') => Some(Self::EndLf),
            (Self::Trailer, b'\r') => Some(Self::TrailerLf),
            (Self::Line | Self::Trailer, _) => Some(Self::Trailer),
            _ => None,
        }
    }
}

fn digit(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}
