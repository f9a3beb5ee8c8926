//! A connection that is kept, with one request on its way at a time; whoever asks waits.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

use crate::Outcome;

/// A server that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_mins(2);

/// A connection to a server.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// The status of an answer, and how to find its body.
#[derive(Clone, Copy)]
struct Head {
    status: u16,
    /// Where the body begins.
    end: usize,
    body: Body,
}

#[derive(Clone, Copy)]
enum Body {
    Bytes(usize),
    /// `Transfer-Encoding: chunked`.
    Chunks,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Outcome<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Connection {
            stream,
            buffer: Vec::with_capacity(64 * 1024),
        })
    }

    /// Sends a request and reads the whole answer: status and body.
    pub(crate) fn call(&mut self, request: &[u8]) -> Outcome<(u16, &[u8])> {
        self.stream.write_all(request)?;
        self.buffer.clear();
        let head = loop {
            self.more()?;
            if let Some(head) = Head::read(&self.buffer)? {
                break head;
            }
        };
        let body = match head.body {
            Body::Bytes(length) => {
                self.fill(head.end + length)?;
                head.end..head.end + length
            }
            Body::Chunks => self.chunks(head.end)?,
        };
        Ok((head.status, self.buffer.get(body).unwrap_or_default()))
    }

    /// Reads what is there.
    fn more(&mut self) -> Outcome<()> {
        let mut some = [0; 16 * 1024];
        let read = self.stream.read(&mut some)?;
        if read == 0 {
            return Err("the server closed a connection".into());
        }
        self.buffer.extend(some.iter().take(read));
        Ok(())
    }

    /// Reads until the buffer holds so many bytes.
    fn fill(&mut self, length: usize) -> Outcome<()> {
        let missing = length.saturating_sub(self.buffer.len());
        self.buffer.reserve(missing);
        let limit = u64::try_from(missing)?;
        let read = (&self.stream).take(limit).read_to_end(&mut self.buffer)?;
        if read < missing {
            return Err("the server closed a connection".into());
        }
        Ok(())
    }

    /// Reads a body in chunks and puts them together, where the first of them begins. RFC 9112 §7.1.
    fn chunks(&mut self, start: usize) -> Outcome<Range<usize>> {
        let (mut at, mut end) = (start, start);
        loop {
            let line = self.line(at)?;
            let text = std::str::from_utf8(self.buffer.get(at..line).unwrap_or_default())?;
            let digits = text.split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(digits.trim(), 16)?;
            let data = line + 2;
            self.fill(data + size + 2)?;
            if size == 0 {
                return Ok(start..end);
            }
            self.buffer.copy_within(data..data + size, end);
            end += size;
            at = data + size + 2;
        }
    }

    /// Where the line ends that begins there.
    fn line(&mut self, start: usize) -> Outcome<usize> {
        loop {
            let rest = self.buffer.get(start..).unwrap_or_default();
            if let Some(length) = rest.windows(2).position(|two| two == b"\r\n") {
                return Ok(start + length);
            }
            self.more()?;
        }
    }
}

impl Head {
    fn read(bytes: &[u8]) -> Outcome<Option<Head>> {
        let Some(length) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let text = std::str::from_utf8(bytes.get(..length).unwrap_or_default())?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let mut body = Body::Bytes(0);
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            if name.eq_ignore_ascii_case("content-length") {
                body = Body::Bytes(value.parse()?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                body = Body::Chunks;
            }
        }
        Ok(Some(Head {
            status: status.ok_or("not an answer of HTTP")?.parse()?,
            end: length + 4,
            body,
        }))
    }
}
