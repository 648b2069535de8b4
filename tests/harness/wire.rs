//! A client for requests that no client library would send. It blocks.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

/// Longer than anything takes that a service does.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to a service, which is made anew when the service has closed it.
pub struct Wire {
    port: u16,
    stream: Option<TcpStream>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The media type, without its parameters.
    pub media_type: String,
    /// All headers, as they came.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, as far as it has a length.
    pub body: Vec<u8>,
}

impl Wire {
    /// To 127.0.0.1:`port`.
    pub fn to(port: u16) -> Self {
        Self { port, stream: None }
    }

    /// Sends `request`, on the connection that there is, and reads what is answered; none where the connection was
    /// closed without an answer.
    pub fn exchange(&mut self, request: &[u8]) -> io::Result<Option<Reply>> {
        // A connection that was closed meanwhile is told by its use only.
        if let Some(stream) = self.stream.take()
            && let Ok(Some(reply)) = self.ask(stream, request)
        {
            return Ok(Some(reply));
        }
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        self.ask(stream, request)
    }

    fn ask(&mut self, mut stream: TcpStream, request: &[u8]) -> io::Result<Option<Reply>> {
        // The other side may have refused what it has read so far.
        let sent = stream.write_all(request);
        let mut answer = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(count) => answer.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error),
            }
            if let Some((reply, keep)) = parse(&answer) {
                self.stream = (keep && sent.is_ok()).then_some(stream);
                return Ok(Some(reply));
            }
        }
    }
}

/// The answer in `bytes`, once it is whole, and whether the connection can be used again.
fn parse(bytes: &[u8]) -> Option<(Reply, bool)> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(bytes).expect("an answer is HTTP") else { return None };
    let status = head.code?;
    let headers: Vec<_> =
        head.headers.iter().map(|header| (header.name.to_ascii_lowercase(), header.value.to_vec())).collect();
    let header = |name: &str| {
        let value = headers.iter().find(|(other, _)| other == name).map(|(_, value)| value);
        String::from_utf8_lossy(value.map_or(&[][..], Vec::as_slice)).into_owned()
    };
    let rest = &bytes[length..];
    if status == 100 {
        return parse(rest);
    }
    let (body, whole) = match header("content-length").parse::<usize>() {
        Ok(length) if rest.len() < length => return None,
        Ok(length) => (rest[..length].to_vec(), rest.len() == length),
        Err(_) if header("transfer-encoding") == "chunked" && !rest.ends_with(b"0\r\n\r\n") => return None,
        Err(_) => (Vec::new(), true),
    };
    let keep = whole && head.version == Some(1) && header("connection") != "close";
    let media_type = header("content-type").split(';').next().unwrap_or_default().to_owned();
    Some((Reply { status, media_type, headers, body }, keep))
}
