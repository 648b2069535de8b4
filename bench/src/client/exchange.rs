//! A request that is ready to be sent, and the answer that it has to get.

/// The two.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// The bytes of the request.
    pub(crate) request: Vec<u8>,
    /// The status of its answer.
    pub(crate) status: u16,
    /// The body of its answer.
    pub(crate) body: Body,
}

/// What a body has to be.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// These bytes.
    Exactly(Vec<u8>),
    /// A number, another one each time, between these bytes.
    AroundNumber(Vec<u8>, Vec<u8>),
    /// Anything with these bytes in it.
    With(Vec<u8>),
}

impl Body {
    /// Whether `bytes` are as they have to be.
    pub(super) fn admits(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Exactly(expected) => bytes == expected,
            Self::AroundNumber(before, after) => bytes
                .strip_prefix(before.as_slice())
                .and_then(|rest| rest.strip_suffix(after.as_slice()))
                .is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit)),
            Self::With(part) => bytes.windows(part.len()).any(|window| window == part),
        }
    }
}

/// The first line of a request, for messages.
pub(crate) fn named(request: &[u8]) -> String {
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    String::from_utf8_lossy(line).trim_end_matches(" HTTP/1.1").to_owned()
}

/// The beginning of a body, for messages.
pub(crate) fn excerpt(body: &[u8]) -> String {
    const LENGTH: usize = 400;
    let text = String::from_utf8_lossy(&body[..body.len().min(LENGTH)]).into_owned();
    if body.len() > LENGTH { format!("{text} … ({} bytes)", body.len()) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_may_differ_and_nothing_else() {
        let body = Body::AroundNumber(b"{\"id\":".into(), b",\"name\":\"Oslo\"}".into());
        for (bytes, admitted) in [
            (r#"{"id":1000000017,"name":"Oslo"}"#, true),
            (r#"{"id":,"name":"Oslo"}"#, false),
            (r#"{"id":1x,"name":"Oslo"}"#, false),
            (r#"{"id":1,"name":"Bergen"}"#, false),
        ] {
            assert_eq!(body.admits(bytes.as_bytes()), admitted, "{bytes}");
        }
    }

    #[test]
    fn a_part_may_be_anywhere() {
        let body = Body::With(b"\"status\":\"pass\"".into());
        assert!(body.admits(br#"{"release":"1","status":"pass"}"#));
        assert!(!body.admits(br#"{"status":"fail"}"#));
        assert!(!body.admits(b""));
    }

    #[test]
    fn a_request_is_named_by_method_and_path() {
        assert_eq!(named(b"GET /locations/1 HTTP/1.1\r\nhost: x\r\n\r\n"), "GET /locations/1");
    }
}
