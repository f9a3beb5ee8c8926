//! Double quotes in the query of a request line, percent-encoded before the URI parser refuses them: Entra ID sends them raw.
//!
//! A line is touched only when it is certain to be a request line: messages are followed by their `Content-Length`, and a connection
//! whose messages end in any other way is left alone from there on, for text in a body must never be taken for a request.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::web::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much of a header line is looked at: enough for those that say how long a message is.
const LOOK: usize = 64;

/// A connection whose request lines may hold raw quotes.
#[derive(Debug)]
pub(super) struct Tolerant<S> {
    io: S,
    lines: RequestLines,
    /// What was read and encoded, and did not fit.
    pending: Bytes,
}

/// Where in its messages a connection stands.
#[derive(Debug, Default)]
struct RequestLines {
    state: State,
    /// The beginning of the header line that is being read.
    header: Vec<u8>,
    /// The `Content-Length` of this message.
    length: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    #[default]
    Method,
    /// Behind the space that ends the method.
    Slash,
    Path,
    Query,
    Version,
    Header,
    Body(usize),
    /// Something else than requests whose end is known.
    Foreign,
}

impl RequestLines {
    /// What was read, with the quotes of queries encoded; `None` when it holds none.
    fn encoded(&mut self, read: &[u8]) -> Option<Bytes> {
        let quotes = self.quotes(read);
        if quotes.is_empty() {
            return None;
        }
        let mut encoded = Vec::with_capacity(read.len() + 2 * quotes.len());
        let mut rest = read;
        let mut at = 0;
        for quote in quotes {
            let (before, behind) = rest.split_at_checked(quote - at)?;
            encoded.extend_from_slice(before);
            encoded.extend_from_slice(b"%22");
            rest = behind.get(1..)?;
            at = quote + 1;
        }
        encoded.extend_from_slice(rest);
        Some(encoded.into())
    }

    /// Follows the messages through what was read; returns where quotes stand in queries.
    fn quotes(&mut self, read: &[u8]) -> Vec<usize> {
        let mut quotes = Vec::new();
        let mut bytes = read.iter().copied().enumerate();
        while let Some((at, byte)) = bytes.next() {
            self.state = match (self.state, byte) {
                (State::Foreign, _) => break,
                (State::Body(left), _) => {
                    let here = left.min(read.len() - at);
                    if let Some(more) = here.checked_sub(2) {
                        bytes.nth(more);
                    }
                    Self::body(left - here)
                }
                // Empty lines may stand before a request (RFC 9112 §2.2).
                (State::Method, b'A'..=b'Z' | b'\r' | b'\n') => State::Method,
                (State::Method, b' ') => State::Slash,
                (State::Slash, b'/') | (State::Path, b'!'..=b'>' | b'@'..) => State::Path,
                (State::Path, b'?') | (State::Query, b'!' | b'#'..) => State::Query,
                (State::Query, b'"') => {
                    quotes.push(at);
                    State::Query
                }
                (State::Path | State::Query, b' ') => State::Version,
                (State::Version, b'\n') => State::Header,
                (State::Version, _) => State::Version,
                (State::Header, b'\n') => self.header_ended(),
                (State::Header, _) => {
                    let rest = read.get(at..).unwrap_or_default();
                    let end = rest.iter().position(|byte| *byte == b'\n');
                    let here = end.unwrap_or(rest.len());
                    let room = LOOK - self.header.len();
                    self.header.extend(rest.iter().take(here.min(room)));
                    if let Some(more) = here.checked_sub(2) {
                        bytes.nth(more);
                    }
                    State::Header
                }
                _ => State::Foreign,
            };
        }
        quotes
    }

    fn body(left: usize) -> State {
        if left == 0 {
            State::Method
        } else {
            State::Body(left)
        }
    }

    fn header_ended(&mut self) -> State {
        let mut line = std::mem::take(&mut self.header);
        let state = self.header(line.trim_ascii_end());
        line.clear();
        self.header = line;
        state
    }

    fn header(&mut self, line: &[u8]) -> State {
        if line.is_empty() {
            return Self::body(self.length.take().unwrap_or_default());
        }
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts.next().unwrap_or_default();
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("content-length") {
            let value = parts.next().unwrap_or_default().trim_ascii();
            let digits = value.iter().all(u8::is_ascii_digit);
            let value = std::str::from_utf8(value).ok().filter(|_| digits);
            self.length = match (self.length, value.and_then(|value| value.parse().ok())) {
                (None, Some(length)) => Some(length),
                _ => return State::Foreign,
            };
            return State::Header;
        }
        // A folded line, or a name with blanks: its meaning is the parser's.
        let unclear = name.iter().any(u8::is_ascii_whitespace);
        if unclear || is("transfer-encoding") || is("upgrade") {
            State::Foreign
        } else {
            State::Header
        }
    }
}

impl<S> Tolerant<S> {
    pub(super) fn new(io: S) -> Self {
        Self {
            io,
            lines: RequestLines::default(),
            pending: Bytes::new(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tolerant<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.pending.is_empty() {
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
            let read = buf.filled().get(before..).unwrap_or_default();
            let Some(encoded) = this.lines.encoded(read) else {
                return Poll::Ready(Ok(()));
            };
            buf.set_filled(before);
            this.pending = encoded;
        }
        let fits = this.pending.len().min(buf.remaining());
        buf.put_slice(&this.pending.split_to(fits));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tolerant<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    const GET: &str = "GET /Users?filter=a+eq+\"x\" HTTP/1.1\r\nHost: h\r\n\r\n";
    const GOT: &str = "GET /Users?filter=a+eq+%22x%22 HTTP/1.1\r\nHost: h\r\n\r\n";

    /// What a parser sees of this text when it arrives in pieces of that size.
    fn seen(text: &str, size: usize) -> String {
        let mut lines = RequestLines::default();
        let piece = |bytes: &[u8]| match lines.encoded(bytes) {
            Some(encoded) => encoded.to_vec(),
            None => bytes.to_vec(),
        };
        let seen = text.as_bytes().chunks(size).flat_map(piece).collect();
        String::from_utf8(seen).unwrap()
    }

    #[test]
    fn only_queries_of_request_lines_change() {
        let post =
            |headers: &str, body: &str| format!("POST /Users HTTP/1.1\r\n{headers}\r\n{body}");
        let sized = post(&format!("Content-Length: {}\r\n", GET.len()), GET);
        let chunked = post("Transfer-Encoding: chunked\r\n", "2d\r\n");
        let twice = post("content-length: 1\r\nContent-Length: 1\r\n", "");
        let folded = post("A: b\r\n Content-Length: 9\r\n", "");
        let odd = post("Content-Length: +9\r\n", "");
        let empty = post("Content-Length: 0\r\n", "");
        for (sent, expected) in [
            (GET.to_owned(), GOT.to_owned()),
            // keep-alive and pipelining
            (GET.repeat(3), GOT.repeat(3)),
            (format!("\r\n{GET}"), format!("\r\n{GOT}")),
            (format!("{empty}{GET}"), format!("{empty}{GOT}")),
            // a body that looks like a request, and a request behind it
            (format!("{sized}{GET}"), format!("{sized}{GOT}")),
            // what follows a message of unknown length is left alone
            (format!("{chunked}{GET}"), format!("{chunked}{GET}")),
            (format!("{twice}{GET}"), format!("{twice}{GET}")),
            (format!("{folded}{GET}"), format!("{folded}{GET}")),
            (format!("{odd}{GET}"), format!("{odd}{GET}")),
            // not in a path, nor in a header, nor in what is no request
            ("GET /\"x\"?\"".into(), "GET /\"x\"?%22".into()),
            (
                "GET /?a HTTP/1.1\r\nIf-Match: ?\"1\"\r\n".into(),
                "GET /?a HTTP/1.1\r\nIf-Match: ?\"1\"\r\n".into(),
            ),
            ("{\"a\": \"?\"}".into(), "{\"a\": \"?\"}".into()),
            (
                "GET x?\" HTTP/1.1\r\n".into(),
                "GET x?\" HTTP/1.1\r\n".into(),
            ),
        ] {
            for size in [1, 2, 3, 7, 40, sent.len()] {
                assert_eq!(seen(&sent, size), expected, "in pieces of {size}");
            }
        }
    }

    #[actix_web::test]
    async fn a_small_buffer_gets_the_rest_later() {
        let mut tolerant = Tolerant::new(GET.as_bytes());
        let mut read = Vec::new();
        let mut piece = [0; 5];
        loop {
            let length = tolerant.read(&mut piece).await.unwrap();
            if length == 0 {
                break;
            }
            read.extend_from_slice(&piece[..length]);
        }
        assert_eq!(String::from_utf8(read).unwrap(), GOT);
    }
}
